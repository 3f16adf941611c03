#!/bin/sh
# Backups of the database and of the workers' files: checkpoints, weights and uploads.
#
#     backup.sh nightly         at BACKUP_AT, UTC, every day; keeps the newest BACKUP_KEEP
#     backup.sh now             once
#     backup.sh restore NAME    from actinium-NAME.dump and weights-NAME.tar.gz
#
# The database comes first, so that no row of it names a file that is not there.
set -eu
folder=/var/lib/postgresql
files=/var/lib/actinium

fail() {
  echo "$1" >&2
  exit 1
}

backup() {
  name=$(date -u +%Y-%m-%dT%H%M%SZ)
  pg_dump --format=custom --file="$folder/new.dump" || return 1
  # 1: a file changed or went away while it was read; the next backup has it.
  tar -C "$files" --exclude=./scratch --exclude=./cache -czf "$folder/new.tar.gz" . || [ $? -eq 1 ] || return 1
  mv "$folder/new.tar.gz" "$folder/weights-$name.tar.gz" || return 1
  mv "$folder/new.dump" "$folder/actinium-$name.dump" || return 1
  echo "Backup $name is complete: $(du -shc "$folder"/*-"$name".* | tail -n 1 | cut -f 1)."
  old=$(ls "$folder" | sed -n 's/^actinium-\(.*\)\.dump$/\1/p' | sort | head -n "-$BACKUP_KEEP")
  for name in $old; do
    rm -f "$folder/actinium-$name.dump" "$folder/weights-$name.tar.gz"
    echo "Backup $name was removed: BACKUP_KEEP is $BACKUP_KEEP."
  done
}

nightly() {
  rm -f /tmp/failed
  while true; do
    now=$(date +%s)
    next=$(date -u -d "$BACKUP_AT" +%s)
    [ "$next" -gt "$now" ] || next=$((next + 86400))
    echo "The next backup is at $(date -u -d "@$next" +%Y-%m-%dT%H:%MZ)."
    sleep $((next - now))
    until backup; do
      touch /tmp/failed
      echo "The backup failed; it is tried again in ten minutes." >&2
      sleep 600
    done
    rm -f /tmp/failed
  done
}

restore() {
  dump=$folder/actinium-$1.dump weights=$folder/weights-$1.tar.gz
  [ -r "$dump" ] && [ -r "$weights" ] || fail "There is no backup $1. There are: $(
    ls "$folder" | sed -n 's/^actinium-\(.*\)\.dump$/\1/p' | tr '\n' ' ')"
  others=$(psql -Atc "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
  [ "$others" -eq 0 ] || fail "$others connections are open: stop api, scheduler and workers first."
  pg_restore --dbname="$PGDATABASE" --no-owner --no-privileges --clean --if-exists \
    --single-transaction --exit-on-error "$dump"
  tar -C "$files" -xzf "$weights"
  echo "Backup $1 is restored."
}

case ${BACKUP_KEEP:-} in "" | 0* | *[!0-9]*) fail "BACKUP_KEEP must be a whole number, 1 or more." ;; esac
date -u -d "${BACKUP_AT:-}" +%s > /dev/null 2>&1 && [ -n "${BACKUP_AT:-}" ] \
  || fail "BACKUP_AT must be a time, as 03:00."

case ${1:-} in
  nightly) nightly ;;
  now) backup ;;
  restore) restore "${2:?the name of a backup}" ;;
  *) fail "Say one of nightly, now, restore." ;;
esac
