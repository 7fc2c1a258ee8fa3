#!/bin/bash
# run-guide.sh PAGE PROGRAMS ROOT: runs every command of a page's ```sh blocks, in an empty folder and a network of its
# own, so that the daemon's usual ports are free. The programs are those in PROGRAMS.
set -euo pipefail
page=$1 programs=$2 root=$3
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
ip link set lo up
cd "$folder"
ln -s "$root"/Fixtures "$root"/Config .
export PATH="$programs:/usr/bin:$PATH" PYTHONPATH="$root/clients/python/src" XDG_RUNTIME_DIR="$folder" SWIFT_BACKTRACE=enable=no
sed -n '/^```sh$/,/^```$/p' "$page" | sed 's/^```sh$//; s/^```$//' > commands
# A daemon in the background is given the time to start.
sed -i 's/^\(ecgmond .*&\)$/\1\nfor n in $(seq 300); do python3 -c "import socket; socket.create_connection((\\"127.0.0.1\\", 8470))" 2>\/dev\/null \&\& break; sleep 0.1; done/' commands
set +u
set -x
. ./commands
