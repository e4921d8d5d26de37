#!/bin/bash
# A lab with the docker command alone, as parallel as it can: a registry, a manager and three workers until all are Ready.
# usage: up.sh NODE_IMAGE REGISTRY_IMAGE OPTION...   (options of `docker run` that give the nodes their privileges)
set -euo pipefail
node_image=$1 registry_image=$2
shift 2
privileges=("$@")

run_node() { # name, address, more options
    docker run -d --name "bare-$1" --hostname "$1" --network bare --ip "$2" --label bench=bare -v "bare-$1:/var/lib/docker" \
        -e SWARMOPS_REGISTRY=registry:25000 --add-host registry:10.95.0.5 "${privileges[@]}" "${@:3}" "$node_image" >/dev/null
}

engine_is_up='until [ -S /var/run/docker.sock ]; do sleep 0.05; done'

join() { # name, address
    run_node "$1" "$2"
    docker exec "bare-$1" sh -c "$engine_is_up; docker info >/dev/null"
    until [ -e "$handover/token" ]; do sleep 0.02; done
    docker exec "bare-$1" docker swarm join --token "$(cat "$handover/token")" --advertise-addr "$2" 10.95.0.11:2377 >/dev/null
}

docker network create --subnet 10.95.0.0/24 --label bench=bare bare >/dev/null
handover=$(mktemp -d)
trap 'rm -rf "$handover"' EXIT

(
    run_node manager 10.95.0.11 -p 127.0.0.1:28000:80
    docker exec bare-manager sh -c "$engine_is_up; exec docker swarm init --advertise-addr 10.95.0.11" >/dev/null
    docker exec bare-manager docker swarm join-token -q worker >"$handover/part"
    mv "$handover/part" "$handover/token"
    docker exec bare-manager docker network create -d overlay --attachable localnet >/dev/null
) &
docker run -d --name bare-registry --network bare --ip 10.95.0.5 --label bench=bare -p 127.0.0.1:25000:25000 \
    -e REGISTRY_HTTP_ADDR=:25000 -v bare-registry:/var/lib/registry "$registry_image" >/dev/null &
join worker01 10.95.0.32 &
join worker02 10.95.0.33 &
join worker03 10.95.0.34 &
wait
until [ "$(docker exec bare-manager docker node ls --format '{{.Status}}' | grep -c Ready)" = 4 ]; do :; done
