#!/bin/bash
# run-guide.sh PAGE PROGRAMS ROOT: runs every command of a page's ```sh blocks, and then those in its running text, in an
# empty folder and a network of its own, so that the daemon's usual ports are free. The programs are those in PROGRAMS.
set -euo pipefail
page=$1 programs=$2 root=$3
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null || true; wait 2>/dev/null; rm -rf "$folder"' EXIT
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

# Commands in the running text: what begins with a program's name between backquotes. They need not follow from what
# stands before, so that each gets what it needs here.
set +x
records() {
    mkdir -p databases/mitdb
    for file in Fixtures/208s.*; do ln -sf "$PWD/$file" databases/mitdb/; done
    # The fixture has no reference: what the monitor says stands for one.
    ecgmon annotate Fixtures/208s -o reference >/dev/null
    cp reference/208s.ecgmon databases/mitdb/208s.atr
    echo 208s > databases/mitdb/RECORDS
}
python3 - "$page" > inline <<'PYTHON'
import re
import sys

text = re.sub(r"^```.*?^```$", "", open(sys.argv[1]).read(), flags=re.S | re.M)
for command in re.findall(r"`([^`]+)`", text):
    if re.match(r"(ecgmond?|make|man|pip|systemctl|python3)( |$)", command) and " " in command:
        print(" ".join(command.split()))
PYTHON
while read -r command; do
    echo "+ (text) $command" >&2
    case $command in
    "ecgmon record "*)
        ecgmond --journal "$folder/text.sqlite" 2>text.log &
        for n in $(seq 300); do grep -q ready text.log && break; sleep 0.1; done
        ecgmon replay --simulate sinus --stream bed-1 --duration 30 >/dev/null 2>&1 &
        replay=$!
        $command --duration 3 </dev/null
        kill $replay
        test -s "${command##* }"
        ;;
    "ecgmon evaluate generalization")
        records
        ECGMON_DATABASES=$PWD/databases $command </dev/null
        ;;
    "ecgmon "*" --help") $command >/dev/null ;;
    # The page stands for a checkout or an installation: that the goals are there is what can be tried here.
    "make "*) make -C "$root" -n "${command#make }" >/dev/null ;;
    "man "*)
        program=${command#man }
        section=8
        [ "$program" = ecgmon ] && section=1
        "$program" --experimental-dump-help | python3 "$root/Config/packaging/man-pages.py" pages "$section"
        if command -v man >/dev/null; then man -l pages/man"$section"/"$program"."$section" >/dev/null; fi
        test -s pages/man"$section"/"$program"."$section"
        ;;
    "pip install "*)
        # Its dependencies are Debian's here.
        if /usr/bin/python3 -c 'import pip, setuptools' 2>/dev/null; then
            cp -r "$root/${command#pip install }" package
            /usr/bin/python3 -m pip install --quiet --no-deps --no-build-isolation --no-index --target site ./package
        fi
        ;;
    # Of the installed package: Tests/Systemd and Tests/Packaging run it.
    "systemctl enable --now ecgmond") test -s "$root/Systemd/ecgmond.service" ;;
    *)
        echo "nothing here runs the command of the text: $command" >&2
        exit 1
        ;;
    esac
done < inline
