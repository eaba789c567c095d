#!/bin/bash
# Entry point of the image: finds the model and replaces itself by the program, so that signals reach it.
#
#   roberta-entrypoint serve [OPTIONS]      the model of --model or ROBERTA_MODEL, otherwise a mounted one
#   roberta-entrypoint COMMAND ...          any other command, unchanged
#   roberta-entrypoint healthcheck          whether the server in this container is ready; exit 0 or 1
set -eu
# Azure ML's own images listen on 5001; other platforms set PORT.
export ROBERTA_PORT=${ROBERTA_PORT:-${PORT:-5001}}

# A directory with a config.json: the given one, otherwise the topmost within two levels below it. Azure ML mounts
# NAME/VERSION with the registered folder inside.
find_model() {
  local found
  [ -f "$1/config.json" ] && { echo "$1"; return; }
  found=$(find -L "$1" -mindepth 2 -maxdepth 3 -name config.json 2>/dev/null | sort) || true
  # Folders inside a model (1_Pooling/, checkpoints) have a config.json too: the shortest path is the model's.
  found=$(echo "$found" | awk -F/ 'NF && (best == "" || NF < parts) { best = $0; parts = NF } END { print best }')
  [ -n "$found" ] && echo "${found%/config.json}"
}

if [ "${1:-}" = healthcheck ]; then
  exec 3<>"/dev/tcp/127.0.0.1/$ROBERTA_PORT" || exit 1
  printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  read -r -t 2 _ status _ <&3 || exit 1
  [ "$status" = 200 ] || exit 1
  exit 0
fi

# Commands of Azure ML's jobs are run as `bash -c ...`.
case ${1:-serve} in
  -*) set -- serve "$@" ;;
  roberta) shift ;;
  bash | sh | /*) exec "$@" ;;
esac
[ $# -gt 0 ] || set -- serve

if [ "${1:-serve}" = serve ] && [ -z "${ROBERTA_MODEL:-}" ] && [[ " $* " != *" --model"* ]] && [[ " $* " != *" -m "* ]]; then
  for directory in "${AZUREML_MODEL_DIR:-}" /mnt/models /models; do
    [ -n "$directory" ] && [ -d "$directory" ] || continue
    if model=$(find_model "$directory") && [ -n "$model" ]; then
      export ROBERTA_MODEL=$model
      break
    fi
  done
  if [ -z "${ROBERTA_MODEL:-}" ]; then
    echo "roberta: no model found; mount one at /models, or set ROBERTA_MODEL or serve --model DIR" >&2
    exit 2
  fi
fi

exec roberta "$@"
