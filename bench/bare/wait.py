"""Asks a manager's API every 50 ms until every service of a stack runs its present version: wait.py CONTAINER STACK."""

import http.client
import json
import os
import subprocess
import sys
import time
from urllib.parse import quote


class Pipes:
    """As much of a socket as http.client asks for, over the pipes of a process."""

    def __init__(self, process):
        self._process = process

    def sendall(self, data):
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def makefile(self, _mode):
        return os.fdopen(os.dup(self._process.stdout.fileno()), "rb")  # each answer closes its own

    def close(self):
        self._process.terminate()


def ask(connection, path, label):
    filters = quote(json.dumps({"label": [label]}))
    connection.request("GET", f"{path}?filters={filters}")
    return json.load(connection.getresponse())


def done(connection, stack):
    label = f"com.docker.stack.namespace={stack}"
    tasks = ask(connection, "/tasks", label)
    for service in ask(connection, "/services", label):
        spec = service["Spec"]
        template, state = spec["TaskTemplate"]["ContainerSpec"], service.get("UpdateStatus", {}).get("State")
        running = [
            task
            for task in tasks
            if task["ServiceID"] == service["ID"]
            and task["DesiredState"] == task["Status"]["State"] == "running"
            and task["Spec"]["ContainerSpec"] == template
        ]
        if len(running) != spec["Mode"]["Replicated"]["Replicas"] or state not in (None, "completed"):
            return False
    return True


def main(container, stack):
    command = ["docker", "exec", "-i", container, "docker", "system", "dial-stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        connection = http.client.HTTPConnection("docker")
        connection.sock = Pipes(process)
        while not done(connection, stack):
            time.sleep(0.05)
        connection.close()


main(*sys.argv[1:])
