#!/bin/sh
# Makes the namespace and the search attributes that list jobs by state. Safe to repeat: what is there already is kept.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
attempts=30

try() {
  left=$attempts
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "gave up after $attempts attempts: $*" >&2; exit 1; }
    sleep 2
  done
}

namespace() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 72h
}

search_attribute() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -qw "$1" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

try temporal operator cluster health
try namespace
try search_attribute HoldfastState Keyword
try search_attribute HoldfastDiscrepancies Int
