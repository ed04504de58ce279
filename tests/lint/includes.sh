#!/bin/sh
# Dependencies run one way: the server includes store/store.h and nothing else
# of store/; the store includes nothing of server/.
bad=$(git grep -nE '#include "(\.\./)?store/' -- 'server/*.[ch]' | grep -v '"store/store.h"'
  git grep -nE '#include ("(\.\./)?server/|<h2o)' -- 'store/*.[ch]')
[ -z "$bad" ] || { echo "forbidden include:"; echo "$bad"; exit 1; }
