#!/bin/sh
# Runs a test of this folder with the interpreter that has the packages it may need: ROBERTA_CLIENTS, else .venv-clients of the project
# (scripts/bootstrap.sh clients), else python3, with which the test skips itself (77).
#   run.sh NAME
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
python=${ROBERTA_CLIENTS:-$here/../../.venv-clients/bin/python}
[ -x "$python" ] || python=python3
exec "$python" "$here/$1_test.py"
