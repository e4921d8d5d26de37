#!/bin/bash
# Drains a node and polls until it has no task that runs and the six replicas run elsewhere.   usage: drain.sh CONTAINER NODE
set -euo pipefail
docker exec "$1" docker node update --availability drain "$2" >/dev/null
until [ "$(docker exec "$1" docker node ps "$2" --format '{{.CurrentState}}' | grep -c ^Running)" = 0 ] &&
    [ "$(docker exec "$1" docker stack ps echo --filter desired-state=running --format '{{.CurrentState}}' | grep -c ^Running)" = 6 ]; do :; done
