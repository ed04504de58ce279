#!/bin/sh
# A Debian package of what `make install` installs, with a service that runs
# once it is there.
# Usage: deb.sh VERSION ROOT OUT_DIR   (ROOT: a tree as make install makes it)
set -eu
version=$1 root=$2 out=$3
here=$(dirname "$0")
architecture=$(dpkg --print-architecture)

install -D -m 0644 "$here/drum.service" "$root/lib/systemd/system/drum.service"
install -D -m 0644 "$here/drum.socket" "$root/lib/systemd/system/drum.socket"
install -D -m 0644 "$here/../drum.yaml" "$root/etc/drum/drum.yaml"

# The packages that have the libraries which the program itself names.
owner() { # of a file; dpkg knows some of those in /usr/lib as /lib
  file=$(readlink -f "$1")
  dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null
}
needed=$(objdump -p "$root/usr/bin/drum" | awk '$1 == "NEEDED" { print $2 }')
depends=$(ldd "$root/usr/bin/drum" | awk '$3 ~ /^\// { print $1, $3 }' | while read -r name library; do
  if echo "$needed" | grep -qxF "$name"; then owner "$library"; fi
done | sed 's/:.*//' | sort -u | paste -sd, | sed 's/,/, /g')

mkdir -p "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<EOF
Package: drum
Version: $version
Architecture: $architecture
Maintainer: drum <drum@localhost>
Section: web
Priority: optional
Depends: $depends
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: real user monitoring in one program
 Collects beacons from browsers over HTTP, keeps them in a columnar store of
 its own, and answers SQL over HTTP, with a dashboard.
EOF
echo /etc/drum/drum.yaml >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/postinst" <<'EOF'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ -z "$2" ]; then systemctl enable drum.socket drum.service; fi
  systemctl restart drum.socket drum.service
elif [ "$1" = configure ] && [ -z "$2" ] && command -v systemctl >/dev/null; then
  systemctl enable drum.socket drum.service || true
fi
EOF
cat >"$root/DEBIAN/prerm" <<'EOF'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now drum.service drum.socket
fi
EOF
# What was measured stays in /var/lib/drum: remove it by hand.
cat >"$root/DEBIAN/postrm" <<'EOF'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
EOF
chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
dpkg-deb --root-owner-group --build "$root" "$out/drum_${version}_$architecture.deb" >/dev/null
echo "$out/drum_${version}_$architecture.deb"
