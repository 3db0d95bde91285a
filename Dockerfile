# syntax=docker/dockerfile:1

# Compiles; nothing of this stage but dist/ gets into the image.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build
# Better no image than one that does not start.
RUN node --max-semi-space-size=8 --heap-growing-percent=30 dist/main.js crd > /dev/null

# The dependencies that the operator runs with.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
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
# What the two flags save and cost: docs/performance.md, Flags of Node.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=30", "/app/dist/main.js"]
CMD ["run"]
