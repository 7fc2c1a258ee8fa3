#!/bin/sh
# runtime.sh PROGRAM... FOLDER: copies the libraries of the Swift toolchain that the programs need, and those that these
# need, into FOLDER.
set -eu
programs=
while [ $# -gt 1 ]; do programs="$programs $1"; shift; done
folder=$1
mkdir -p "$folder"
# shellcheck disable=SC2086
ldd $programs | sed -n 's|.* => \(/.*/swift/linux/[^ ]*\.so\) .*|\1|p' | sort -u | while read -r library; do
    install -m 644 "$library" "$folder"
done
