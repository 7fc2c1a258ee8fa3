#!/bin/sh
# in-a-chroot.sh PACKAGE [FOLDER]: takes the Debian package through its life in a bare Debian made with debootstrap.
#
# As root; needs debootstrap. FOLDER (default /tmp/ecg-monitor-chroot) keeps the bare system from run to run.
set -eu
package=$(realpath "$1")
root=${2:-/tmp/ecg-monitor-chroot}
mirror=$(sed -n 's|^\(URIs: \|deb \(\[[^]]*\] \)\?\)\(http[^ ]*\).*|\3|p' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
    2>/dev/null | grep -v security | head -1)

step() { echo "== $*"; }
fail() { echo "failed: $*" >&2; exit 1; }
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

if [ ! -e "$root/complete" ]; then
    step "a bare Debian in $root"
    rm -rf "$root"
    debootstrap --variant=minbase --include=systemd-standalone-sysusers,systemd-standalone-tmpfiles,ca-certificates \
        bookworm "$root" "${mirror:-http://deb.debian.org/debian}" > "$root.log" 2>&1 || { tail -5 "$root.log"; exit 1; }
    touch "$root/complete"
fi
[ -e "$root/proc/self" ] || mount -t proc proc "$root/proc"
trap 'umount "$root/proc" 2>/dev/null || true' EXIT
for file in /etc/resolv.conf /etc/apt/apt.conf.d/*proxy* /etc/apt/sources.list; do
    [ -e "$file" ] && cp -L "$file" "$root$file" 2>/dev/null || true
done
inside apt-get update -qq
inside dpkg --purge ecg-monitor >/dev/null 2>&1 || true
cp "$package" "$root/tmp/ecg-monitor.deb"

step "install"
inside apt-get install -y -qq --no-install-recommends /tmp/ecg-monitor.deb >"$root.install.log" 2>&1 ||
    { tail -20 "$root.install.log"; fail "it does not install"; }
inside getent passwd ecgmon >/dev/null || fail "there is no user ecgmon"
inside ecgmond --check-config /etc/ecgmon/ecgmond.toml
inside ecgmon --version
[ -d "$root/var/lib/ecgmon" ] || fail "there is no folder for the journal"
inside sh -c 'test "$(stat -c %U:%a /var/lib/ecgmon)" = ecgmon:750' || fail "the journal's folder is not the service's"
inside ecgmon doctor || fail "the doctor finds a problem"

step "the daemon runs as its user, and keeps a journal"
inside install -d -o ecgmon -g ecgmon -m 750 /run/ecgmon
inside setpriv --reuid ecgmon --regid ecgmon --clear-groups env STATE_DIRECTORY=/var/lib/ecgmon \
    ecgmond --config /etc/ecgmon/ecgmond.toml 2>"$root.daemon.log" &
daemon=$!
inside ecgmon replay /usr/share/ecgmon/Fixtures/208s --duration 60 --speed max --acknowledged tcp://127.0.0.1:5571 \
    --connect-timeout 60 --quiet
inside ecgmon history --kind alert | head -3
kill "$daemon" 2>/dev/null || true
pkill -P "$daemon" 2>/dev/null || true
wait "$daemon" 2>/dev/null || true
[ -s "$root/var/lib/ecgmon/journal.sqlite" ] || fail "there is no journal"

step "upgrade: the configuration and the journal stay"
echo "# changed by hand" >> "$root/etc/ecgmon/ecgmond.toml"
echo secret > "$root/etc/ecgmon/server.key"
before=$(md5sum < "$root/var/lib/ecgmon/journal.sqlite")
rm -rf "$root/tmp/next"
inside dpkg-deb --raw-extract /tmp/ecg-monitor.deb /tmp/next
sed -i 's/^Version: .*/&+next/' "$root/tmp/next/DEBIAN/control"
echo "# a new default" >> "$root/tmp/next/etc/ecgmon/ecgmond.toml"
inside dpkg-deb --root-owner-group -Znone --build /tmp/next /tmp/next.deb >/dev/null
inside dpkg --force-confold -i /tmp/next.deb >"$root.upgrade.log" 2>&1 || { cat "$root.upgrade.log"; fail "no upgrade"; }
grep -q "changed by hand" "$root/etc/ecgmon/ecgmond.toml" || fail "the configuration was replaced"
[ "$before" = "$(md5sum < "$root/var/lib/ecgmon/journal.sqlite")" ] || fail "the journal was changed"

step "remove: the programs go, configuration and journal stay"
inside dpkg --remove ecg-monitor >/dev/null
[ ! -e "$root/usr/bin/ecgmond" ] && [ ! -e "$root/usr/lib/ecg-monitor" ] || fail "programs are left"
[ -e "$root/etc/ecgmon/ecgmond.toml" ] && [ -e "$root/var/lib/ecgmon/journal.sqlite" ] || fail "too much is gone"

step "purge: what is ours goes, a key of the administrator's stays"
inside dpkg --purge ecg-monitor >/dev/null 2>&1
[ ! -e "$root/var/lib/ecgmon" ] && [ ! -e "$root/etc/ecgmon/ecgmond.toml" ] || fail "something of ours is left"
[ -e "$root/etc/ecgmon/server.key" ] || fail "the administrator's key is gone"
rm -r "$root/etc/ecgmon"
left=$(find "$root" -mindepth 1 -xdev -path "$root/proc" -prune -o -path "$root/tmp" -prune -o \
    \( -name '*ecgmon*' -o -name '*ecg-monitor*' \) ! -path '*/var/cache/*' ! -path '*/var/log/*' -print | head)
[ -z "$left" ] || fail "left behind: $left"
echo "== all is well"
