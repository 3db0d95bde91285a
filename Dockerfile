# syntax=docker/dockerfile:1

# Compiles; nothing of this stage but dist/ gets into the image.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build
# V8's flags come and go with its versions: better no image than one that does not start.
RUN node --enable-source-maps --max-semi-space-size=4 --no-allocation-site-pretenuring dist/main.js crd > /dev/null

# The dependencies that the operator runs with.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# No shell, no package manager, not root; it writes no file, so it runs with a read-only root file system.
FROM gcr.io/distroless/nodejs24-debian12:nonroot
LABEL org.opencontainers.image.title="cloudjob-operator" \
      org.opencontainers.image.description="Kubernetes operator that keeps CloudJob objects true to the cloud jobs (CCE) they name" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
ENV NODE_ENV=production
# Dependencies change less often than the code: a new version of the operator is one small layer.
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY --from=build /app/dist ./dist
# A number, so that the kubelet can tell that it is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
# Young garbage is collected four megabytes at a time instead of sixteen, and what is young stays with the young: V8 guesses
# of some objects of a call that they will live for long, puts them among the old, and there, dead or not, they keep the
# rest of the call until all of the heap is collected (docs/performance.md, Polls).
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "--max-semi-space-size=4", "--no-allocation-site-pretenuring", "/app/dist/main.js"]
CMD ["run"]
