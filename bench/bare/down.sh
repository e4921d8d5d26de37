#!/bin/bash
# Removes the bare lab and its data, all containers at once.
set -euo pipefail
docker rm -f $(docker ps -aq --filter label=bench=bare) >/dev/null
docker network rm bare >/dev/null
docker volume rm $(docker volume ls -q --filter name='^bare-') >/dev/null
