# Both bases are pinned; Renovate keeps them current. Node is the newest 24 that distroless has.

# Compiles.
FROM node:24-trixie-slim@sha256:173f125896c3b47ddf056734c7ea789d04595a6a08769a8f78e0df642781fb66 AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
# The image does without sandbox and plugin.
RUN npm run build -- --sourceMap false && rm -r dist/sandbox dist/plugin dist/terminal

# The packages that the operator runs with: without those that only sandbox and plugin import, and of the rest what runs.
FROM node:24-trixie-slim@sha256:173f125896c3b47ddf056734c7ea789d04595a6a08769a8f78e0df642781fb66 AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
RUN npm uninstall --omit=dev --ignore-scripts --no-audit --no-fund @marcbachmann/cel-js cli-progress cli-table3 string-width
COPY scripts/prune.mjs ./scripts/
RUN node scripts/prune.mjs node_modules

# No shell, no package manager, not root; it writes no file, so it runs with a read-only root file system.
FROM gcr.io/distroless/nodejs24-debian13:nonroot@sha256:9eeb7f5887d0e239e78264b06f7f11d2e14be534050481803a9e4728fcdd278e
LABEL org.opencontainers.image.title="cloudjob-operator" \
      org.opencontainers.image.description="Kubernetes operator that keeps CloudJob objects true to the cloud jobs (CCE) they name" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
WORKDIR /app
ENV NODE_ENV=production
# Dependencies change less often than the code: a new version of the operator is one small layer.
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY --from=build /app/dist ./dist
# A number, so that the kubelet can tell that it is not root (runAsNonRoot).
USER 65532:65532
# Better no image than one that does not start.
RUN ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=30", "/app/dist/main.js", "crd"]
EXPOSE 8080
# What the two flags save and cost: docs/performance.md, Flags of Node.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=30", "/app/dist/main.js"]
CMD ["run"]
