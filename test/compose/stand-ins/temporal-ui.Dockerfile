# In place of temporalio/ui:2.49.1: the same server with the pages that its module embeds.
ARG BASE
FROM $BASE
RUN groupadd --gid 1000 temporal && useradd --uid 1000 --gid temporal --create-home temporal
WORKDIR /home/ui-server
COPY server ./ui-server
COPY docker.yaml ./config/docker.yaml
COPY start-ui-server.sh ./start-ui-server.sh
RUN chmod 755 ./start-ui-server.sh
USER temporal
EXPOSE 8080
ENTRYPOINT ["./start-ui-server.sh"]
