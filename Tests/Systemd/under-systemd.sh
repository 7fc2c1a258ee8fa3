#!/bin/bash
# Runs the unit under a real systemd: PID 1 of a PID, mount, UTS, IPC and cgroup namespace of its own, with its own /tmp, /run, /var,
# /dev and overlays over /etc and /usr, so that the host keeps what it has. Prints what was seen at start, under load, after a
# killed and a hanging process, restart, reload, and stop.
#
#     sudo Tests/Systemd/under-systemd.sh        needs root, systemd, overlayfs, and a build in .build/release
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
unit=ecgmond.service

if [ "${1:-}" = inside ]; then
    mount --make-rprivate /
    for place in etc usr; do
        mkdir -p /mnt/"$place"
    done
    mount -t tmpfs tmpfs /mnt
    mkdir -p /mnt/etc/upper /mnt/etc/work /mnt/usr/upper /mnt/usr/work
    mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/etc/upper,workdir=/mnt/etc/work /etc
    mount -t overlay overlay -o lowerdir=/usr,upperdir=/mnt/usr/upper,workdir=/mnt/usr/work /usr
    for place in run tmp var; do mount -t tmpfs tmpfs /$place; done
    mkdir -p /var/lib /var/log /var/tmp
    mount -t tmpfs -o mode=755 tmpfs /dev
    mkdir /dev/pts /dev/shm /dev/mqueue /dev/hugepages
    mount -t devpts devpts /dev/pts
    mount -t tmpfs tmpfs /dev/shm
    for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 /dev/${node%:*} c 1 ${node#*:}; done
    mknod -m 666 /dev/tty c 5 0
    ln -s pts/ptmx /dev/ptmx
    mount -t proc proc /proc
    umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
    make -s -C "$root" install-built PREFIX=/usr
    # What belongs to a machine and not to a service.
    for other in systemd-udevd systemd-udev-trigger systemd-sysctl systemd-modules-load systemd-binfmt systemd-networkd \
        systemd-resolved systemd-timesyncd systemd-hwdb-update systemd-random-seed getty@tty1 console-getty; do
        ln -sf /dev/null /etc/systemd/system/$other.service
    done
    rm -f /etc/machine-id && systemd-machine-id-setup >/dev/null 2>&1 || true
    mkdir -p /etc/systemd/system/observed.target.wants
    printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' > /etc/systemd/system/observed.target
    # A credential is mounted by a child of systemd and must show here: on a whole machine systemd does this itself.
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=observed.target \
        --show-status=false --log-target=journal
fi

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
unshare --pid --mount --uts --ipc --cgroup --fork --kill-child -- "$0" inside &
outside=$!
trap 'kill -KILL $outside 2>/dev/null || true' EXIT
pid=""
for _ in $(seq 100); do
    pid=$(pgrep -P $outside || true)
    [ -n "$pid" ] && nsenter -t "$pid" -m -p -C systemctl is-active -q observed.target 2>/dev/null && break
    sleep 0.2
done
in_there() { nsenter -t "$pid" -m -p -u -i -C -- "$@"; }
show() { in_there systemctl show $unit -p ActiveState -p SubState -p Result -p NRestarts -p StatusText -p MainPID --value | paste -sd ' '; }
main_pid() { in_there systemctl show $unit -p MainPID --value; }
step() { echo; echo "== $*"; }
wait_for() { for _ in $(seq 150); do "$@" && return 0; sleep 0.2; done; echo "   waited in vain for: $*"; return 1; }
is_new() { [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && [ "$(in_there systemctl show $unit -p ActiveState --value)" = active ]; }

step "systemd $(in_there systemctl --version | head -1), PID 1 of its namespace: $(in_there cat /proc/1/comm)"
step "start"
in_there systemctl start $unit || { in_there journalctl --no-pager | tail -40; exit 1; }
show
in_there ls -la /run/ecgmon
in_there systemd-analyze security $unit --no-pager | tail -1

step "under load: a minute of real ECG for ten beds at ten times its speed, over the ipc endpoint"
in_there /usr/bin/ecgmon replay /usr/share/ecgmon/Fixtures/208s --duration 1:00 --streams 10 --speed 10 \
    --ingest ipc:///run/ecgmon/ingest 2>&1 | tail -2
in_there curl -s http://127.0.0.1:8470/metrics 2>/dev/null | grep -E '^ecgmon_(beats|samples_accepted|events_published)' || true

step "SIGKILL"
before=$(main_pid)
in_there kill -KILL "$before"
wait_for is_new "$before"
show

step "a process that hangs (SIGSTOP): the watchdog"
before=$(main_pid)
in_there kill -STOP "$before"
start=$(date +%s)
wait_for is_new "$before"
echo "   after $(($(date +%s) - start)) s"
show

step "restart"
before=$(main_pid)
in_there systemctl restart $unit
wait_for is_new "$before"
show

step "reload of a right and of a wrong file"
in_there sed -i 's/^level = "info"/level = "debug"/' /etc/ecgmon/ecgmond.toml
in_there systemctl reload $unit
show
in_there sed -i 's/^level = "debug"/level = "loud"/' /etc/ecgmon/ecgmond.toml
in_there systemctl reload $unit || true
sleep 1
show

step "the server's key as a credential; every endpoint asks for keys"
in_there bash -c '
    sed -i "s/^level = .*/level = \"info\"/" /etc/ecgmon/ecgmond.toml
    cd /root && rm -f server.key* icu.key* && umask 077
    ecgmon keys generate /etc/ecgmon/server.key >/dev/null && ecgmon keys generate icu.key >/dev/null
    ecgmon keys authorize /etc/ecgmon/authorized_keys.toml icu icu.key.pub --push "icu-*" >/dev/null
    chown ecgmon /etc/ecgmon/authorized_keys.toml
    mkdir -p /etc/systemd/system/ecgmond.service.d
    printf "[Service]\nLoadCredential=server.key:/etc/ecgmon/server.key\n" > /etc/systemd/system/ecgmond.service.d/keys.conf
    sed -i "s|^authorized_keys = .*|authorized_keys = \"/etc/ecgmon/authorized_keys.toml\"|" /etc/ecgmon/ecgmond.toml
    systemctl daemon-reload && systemctl restart ecgmond
    record="/usr/share/ecgmon/Fixtures/208s --duration 10 --speed 10 --connect-timeout 2"
    echo "with the key:"; ecgmon replay $record --stream icu-1 --server-key /etc/ecgmon/server.key.pub --key icu.key 2>&1 | tail -1
    echo "without:"; ecgmon replay $record --stream icu-1 2>&1 | tail -2' || true
show

step "stop"
in_there systemctl stop $unit
show
in_there ls -la /run/ecgmon 2>&1 | head -3 || true

step "the journal"
in_there journalctl -u $unit --no-pager -o short-monotonic | sed 's/^\(.\{220\}\).*/\1.../'
