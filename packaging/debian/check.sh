#!/bin/sh
# What an installed package must do, asked within a Debian that runs systemd. Called by scripts/check-package.
set -eu

say() {
    echo "check: $*"
}

url=http://127.0.0.1:8080

wait_until_ready() {
    for _ in $(seq 100); do
        curl -fsS "$url/readyz" >/dev/null 2>&1 && return
        sleep 0.1
    done
    journalctl -u portreeve --no-pager
    say "it does not get ready"
    exit 1
}

status() { # path, token
    curl -sS -o /dev/null -w '%{http_code}' "$url$1" -H "Authorization: Bearer $2"
}

say "installing"
dpkg -i /portreeve.deb
wait_until_ready
systemctl is-enabled --quiet portreeve

say "who may read what"
[ "$(stat -c '%U %a' /var/lib/portreeve)" = "portreeve 700" ]
[ "$(stat -c '%U %a' /etc/portreeve/environment)" = "root 600" ]
[ "$(stat -c '%U:%G %a' /etc/portreeve/portreeve.toml)" = "root:portreeve 640" ]
[ "$(stat -c '%U' "/proc/$(systemctl show -P MainPID portreeve)")" = portreeve ]

say "logging in with the first password, which is in the journal"
password=$(journalctl -u portreeve -o cat | sed -n 's/.*with the password \([^ ]*\).*/\1/p' | head -n 1)
login='{"providerName":"local","username":"admin","deviceId":"4c07bc67-57ea-42dd-b702-c2d6c45419fc","password":"'$password'"}'
token=$(curl -fsS "$url/login" -d "$login" | sed 's/.*"token":"\([^"]*\)".*/\1/')
[ "$(status /local-users "$token")" = 200 ]

say "killing it"
before=$(systemctl show -P MainPID portreeve)
kill -KILL "$before"
sleep 3
wait_until_ready
[ "$(systemctl show -P MainPID portreeve)" != "$before" ]
[ "$(status /local-users "$token")" = 200 ]

say "no core dumps"
grep -q '^Max core file size *0 *0 ' "/proc/$(systemctl show -P MainPID portreeve)/limits"

say "a wrong configuration is named, and not started again and again"
echo 'lisen = "127.0.0.1:8080"' >>/etc/portreeve/portreeve.toml
systemctl restart portreeve && exit 1
[ "$(systemctl show -P ExecMainStatus portreeve)" = 2 ]
journalctl -u portreeve -o cat | grep -q lisen
sed -i '/^lisen/d' /etc/portreeve/portreeve.toml
systemctl reset-failed portreeve
systemctl start portreeve
wait_until_ready

say "upgrading, with a configuration of one's own"
echo 'log-level = "warn"' >>/etc/portreeve/portreeve.toml
dpkg -i /portreeve.deb
wait_until_ready
grep -q '^log-level' /etc/portreeve/portreeve.toml
[ "$(status /local-users "$token")" = 200 ]

say "what the service is kept from"
# In tenths: at most 2.0 of 10.
systemd-analyze security --no-pager --threshold=20 portreeve | tail -n 1

say "removing, and removing all but the data"
dpkg -r portreeve
systemctl is-active --quiet portreeve && exit 1
dpkg -P portreeve
[ ! -e /etc/portreeve/portreeve.toml ]
[ -s /var/lib/portreeve/portreeve.db ]
say "all passed"
