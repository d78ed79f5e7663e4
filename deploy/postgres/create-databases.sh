#!/bin/bash
# Runs once, when the volume of the postgres container is empty: a database and a user of its own for each domain service.
# The image sources a script that it cannot execute, so nothing here may change the shell it runs in.
create() { # create NAME PASSWORD
  psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --set name="$1" --set password="$2" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

create feed "$FEED_PASSWORD" && create mall "$MALL_PASSWORD"
