#!/bin/bash
# Deploys a rendered stack file and polls until all six tasks run.   usage: deploy.sh CONTAINER FILE
set -euo pipefail
docker exec -i "$1" docker stack deploy --detach=true -c - echo <"$2" >/dev/null
until [ "$(docker exec "$1" docker stack ps echo --format '{{.CurrentState}}' | grep -c ^Running)" = 6 ]; do :; done
