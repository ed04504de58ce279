#!/bin/sh
# Fills a running server with generated page views, once: the views of a seed
# that are there already are not loaded again, since another end of the
# generated days would make other rows of them.
# Usage: server/demo.sh DRUM URL TOKEN_FILE VIEWS SEED FILE
drum=$1 url=$2 token_file=$3 views=$4 seed=$5 file=$6
"$drum" generate --views "$views" --seed "$seed" --days 28 >"$file" || exit 1

# The first and the last view: the same for the same seed and number, whatever
# the time. The last one outlives the others, the first one is there when an
# import broke off.
id() { printf %u "0x$(sed 's/.*"view":"\([0-9a-f]*\)".*/\1/')"; }
there=$("$drum" query --url "$url" --token-file "$token_file" --format TabSeparated \
  "SELECT count() FROM pageviews WHERE view_id IN ($(head -n 1 "$file" | id), $(tail -n 1 "$file" | id))") || exit 1
if [ "$there" != 0 ]; then
  echo "The demo is there already: nothing is loaded. \`make demo DEMO_SEED=2\` adds as many other views;"
  echo "to begin anew, stop the server and remove its data directory."
  exit 0
fi
exec "$drum" import --url "$url" --token-file "$token_file" "$file"
