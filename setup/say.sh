# Sourced by the set-up programs: how they speak, where they are, and the facts that they share.
# Each fact has one home; what is read here with sed is written in extension/Cargo.toml only.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The pgrx release that the extension is written for: cargo-pgrx must be the same one.
pgrx_version() { sed -n 's/^pgrx = .*"=\([0-9.]*\)".*/\1/p' "$root/extension/Cargo.toml"; }

# The PostgreSQL that is used where nobody chose one by PG_CONFIG.
default_major() { sed -n 's/^default = \["pg\([0-9]*\)"\].*/\1/p' "$root/extension/Cargo.toml"; }

# The test runner's release; `make test` installs it where there is none.
nextest_version=0.9.143

# The chosen pg_config, or nothing. Debian's /usr/bin/pg_config belongs to libpq and knows no server
# until the matching postgresql-server-dev package is there, so the versioned one comes first.
chosen_pg_config() {
  if [[ -n ${PG_CONFIG:-} ]]; then
    command -v "$PG_CONFIG" || fail "PG_CONFIG=$PG_CONFIG is no program"
  elif [[ -x /usr/lib/postgresql/$(default_major)/bin/pg_config ]]; then
    echo "/usr/lib/postgresql/$(default_major)/bin/pg_config"
  else
    command -v pg_config || true
  fi
}

# 15 of "PostgreSQL 15.20 (Debian ...)".
major_of() { "$1" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}
