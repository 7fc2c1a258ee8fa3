#!/bin/sh
# make-deb.sh [OUTPUT]: a Debian package out of the programs in .build/release (`make deb` builds them first).
#
# The programs are those that were tested. The Swift runtime is put beside them, in /usr/lib/ecg-monitor, because Debian
# has no package of it. Needs Debian's dpkg-dev, patchelf, python3 and binutils; lintian checks the result, where it is.
set -eu
cd "$(dirname "$0")/.."
output=${1:-.build}
version=$(cat Config/packaging/version)
architecture=$(dpkg --print-architecture)
stage=$(pwd)/.build/deb
tree=$stage/tree
rm -rf "$stage"
mkdir -p "$tree/DEBIAN"
umask 022

make -s install-built DESTDIR="$tree" PREFIX=/usr DOC=/usr/share/doc/ecg-monitor
install -d "$tree/usr/lib/ecg-monitor" "$tree/usr/sbin" "$tree/usr/share/lintian/overrides" "$tree/var/lib"
sh Config/packaging/runtime.sh "$tree/usr/bin/ecgmon" "$tree/usr/bin/ecgmond" "$tree/usr/lib/ecg-monitor"
for file in "$tree/usr/bin/ecgmon" "$tree/usr/bin/ecgmond"; do
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$file"
    patchelf --set-rpath /usr/lib/ecg-monitor "$file"
done
for file in "$tree"/usr/lib/ecg-monitor/*.so; do
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$file"
    patchelf --set-rpath '$ORIGIN' "$file"
done

# Debian's places.
mv "$tree/usr/share/doc/ecg-monitor/LICENSE" "$stage/LICENSE"
install -m 644 Config/packaging/deb/copyright "$tree/usr/share/doc/ecg-monitor/copyright"
gzip -9n < Config/packaging/deb/changelog > "$tree/usr/share/doc/ecg-monitor/changelog.gz"
gzip -9n < Docs/changelog.md > "$tree/usr/share/doc/ecg-monitor/NEWS.md.gz"
install -m 644 Config/packaging/deb/lintian-overrides "$tree/usr/share/lintian/overrides/ecg-monitor"
find "$tree/usr/share/man" -type f -exec gzip -9n {} +
rmdir "$tree/usr/sbin" "$tree/var/lib" "$tree/var" 2>/dev/null || true

# What the libraries need of Debian.
mkdir -p "$stage/debian"
printf 'Source: ecg-monitor\n\nPackage: ecg-monitor\nArchitecture: any\n' > "$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O --ignore-missing-info -l"$tree/usr/lib/ecg-monitor" \
    "$tree"/usr/bin/ecgmon "$tree"/usr/bin/ecgmond "$tree"/usr/lib/ecg-monitor/*.so 2>"$stage/shlibdeps.log" \
    | sed 's/^shlibs:Depends=//')
size=$(du -sk --apparent-size "$tree" | cut -f1)
sed "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@DEPENDS@|$depends|; s|@SIZE@|$size|" \
    Config/packaging/deb/control > "$tree/DEBIAN/control"
for script in postinst prerm postrm; do install -m 755 "Config/packaging/deb/$script" "$tree/DEBIAN"; done
echo /etc/ecgmon/ecgmond.toml > "$tree/DEBIAN/conffiles"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' md5sum) \
    > "$tree/DEBIAN/md5sums"

package=$output/ecg-monitor_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z4 --build "$tree" "$package" >/dev/null
echo "== $package"
if command -v lintian >/dev/null; then
    lintian --fail-on error,warning --tag-display-limit 0 "$package" && echo "== lintian finds nothing"
else
    echo "== not checked: lintian is not installed"
fi
