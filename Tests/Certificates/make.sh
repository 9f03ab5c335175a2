#!/usr/bin/env bash
# Makes the certificates of the tests anew. They are worth nothing elsewhere: their keys are public.
set -euo pipefail
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1-key.pem"; }
authority() {
    key "$1"
    openssl req -x509 -new -key "$1-key.pem" -subj "/CN=Rivulet test $1" -days 36500 -out "$1.pem" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}
certificate() { # NAME AUTHORITY USAGE SAN
    key "$1"
    openssl req -new -key "$1-key.pem" -subj "/CN=Rivulet test $1" |
        openssl x509 -req -CA "$2.pem" -CAkey "$2-key.pem" -days 36500 -out "$1.pem" \
            -extfile <(printf 'extendedKeyUsage=%s\nsubjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$3" "$4")
}
authority authority
authority stranger
certificate server authority serverAuth DNS:localhost,IP:127.0.0.1
certificate other-server stranger serverAuth DNS:localhost,IP:127.0.0.1
certificate elsewhere authority serverAuth DNS:elsewhere.example.org
certificate ann authority clientAuth email:ann@example.org
certificate bob authority clientAuth DNS:bob.example.org,URI:urn:users:bob
certificate nobody authority clientAuth DNS:nobody.example.org
certificate impostor stranger clientAuth email:ann@example.org
rm -f authority-key.pem stranger-key.pem authority.srl stranger.srl
