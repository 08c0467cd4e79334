# In place of temporalio/server:1.31.0: the same server, built with Go, and the entry point of its own module; its shell
# is BusyBox's, as in the public image, and `nc` OpenBSD's, for Debian's BusyBox has no `nc -z`.
ARG BASE
FROM $BASE
RUN apt-get update && apt-get install --yes --no-install-recommends busybox netcat-openbsd && rm -rf /var/lib/apt/lists/* \
 && ln -sf /bin/busybox /bin/sh \
 && groupadd --gid 1000 temporal && useradd --uid 1000 --gid temporal --create-home temporal
COPY server /usr/local/bin/temporal-server
COPY entrypoint.sh /etc/temporal/entrypoint.sh
RUN chmod 755 /etc/temporal/entrypoint.sh
WORKDIR /etc/temporal
USER temporal
CMD ["/etc/temporal/entrypoint.sh"]
