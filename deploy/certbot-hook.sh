#!/bin/sh
# Hands a renewed certificate to Waxseal: /etc/letsencrypt/renewal-hooks/deploy/waxseal. See docs/deployment.md.
# certbot says where the new pair is (RENEWED_LINEAGE); its own folders are for root alone.
set -eu
folder=${TLS_FOLDER:-/etc/waxseal/tls}
for name in fullchain.pem privkey.pem; do
  install -m 0640 -g "${TLS_GROUP:-waxseal-tls}" "$RENEWED_LINEAGE/$name" "$folder/.$name"
  mv "$folder/.$name" "$folder/$name"
done
systemctl reload waxseal
