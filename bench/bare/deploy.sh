#!/bin/bash
# Deploys a rendered stack file and waits until it runs, as ideally as can be.   usage: deploy.sh PYTHON CONTAINER FILE
set -euo pipefail
docker exec -i "$2" docker stack deploy --detach=true -c - echo <"$3" >/dev/null
exec "$1" -S "$(dirname "$0")/wait.py" "$2" echo
