#!/bin/sh
# A file's exported symbols begin with its stem, whole or its first word
# (wal_write.c: wal_...). store_... is the store's public interface; what
# guard_http2.c, guard_write.c and loop_memory.c replace in libh2o has libh2o's names, and
# what tls.c replaces in the C library, and tls_fetch.c in OpenSSL's, theirs.
# Usage: symbols.sh BUILD_DIR
bad=$(for o in "$1"/store/*.o "$1"/server/*.o; do
  stem=$(basename "$o" .o)
  nm -g --defined-only "$o" | awk -v stem="$stem" -v file="$o" '
    { split(stem, word, "_"); ok = index($3, word[1]) == 1 || $3 == "main" }
    index(file, "/store/") && index($3, "store_") == 1 { ok = 1 }
    $3 ~ /^__/ { ok = 1 }
    (stem == "guard_http2" || stem == "guard_write" || stem == "loop_memory") &&
      index($3, "h2o_") == 1 { ok = 1 }
    stem == "tls" && $3 == "getpid" { ok = 1 }
    stem == "tls_fetch" && index($3, "EVP_") == 1 { ok = 1 }
    !ok { print file ": " $3 }'
done)
[ -z "$bad" ] || { echo "exported symbols without their file's prefix:"; echo "$bad"; exit 1; }
