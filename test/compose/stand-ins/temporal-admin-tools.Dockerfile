# In place of temporalio/admin-tools:1.31.0: its SQL tool and schema from the same module, the Temporal command line.
ARG BASE
FROM $BASE
RUN apt-get update && apt-get install --yes --no-install-recommends busybox && rm -rf /var/lib/apt/lists/* \
 && ln -sf /bin/busybox /bin/sh \
 && groupadd --gid 1000 temporal && useradd --uid 1000 --gid temporal --create-home temporal
COPY temporal sql /usr/local/bin/
RUN mv /usr/local/bin/sql /usr/local/bin/temporal-sql-tool
COPY schema /etc/temporal/schema
USER temporal
CMD ["sh", "-c", "trap exit INT HUP TERM; sleep infinity"]
