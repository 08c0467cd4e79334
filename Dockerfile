# A Holdfast worker. The command line is the entry point: `docker run … doctor` works as `holdfast doctor` does.
FROM node:24.11.1-bookworm-slim AS build
WORKDIR /holdfast
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
# The SDK is a peer of the package, and so a development dependency of the checkout; without those it stays, in the
# version of the lockfile.
RUN npm pkg delete devDependencies && npm prune

FROM node:24.11.1-bookworm-slim
# The slim image has no certificates, and the Temporal client needs them for TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates tini && rm -rf /var/lib/apt/lists/*
WORKDIR /holdfast
COPY --from=build /holdfast/package.json ./
COPY --from=build /holdfast/node_modules ./node_modules
COPY --from=build /holdfast/dist ./dist
# So that `docker compose exec worker holdfast …` works.
RUN ln -s /holdfast/dist/cli.js /usr/local/bin/holdfast && mkdir /workspaces && chown node:node /workspaces
USER node
VOLUME /workspaces
# As process 1 Node would neither hear SIGTERM by default nor reap the commands that steps leave behind.
ENTRYPOINT ["tini", "--", "node", "/holdfast/dist/cli.js"]
CMD ["worker", "--workspace-root", "/workspaces"]
