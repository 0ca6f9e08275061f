# syntax=docker/dockerfile:1
# The image: one static program, the public certificate authorities, and a user that is nobody.
#
#     docker buildx build --platform linux/amd64,linux/arm64 --tag k8s-replicator .
#
# The program is cross-compiled: the first stage runs on the builder's own architecture, whatever the image's is.
# deploy/image/static-binary.sh is what `cargo xtask image --binary-only` runs too, and what the tests run in an empty root.

ARG RUST_VERSION=1.95.0
FROM --platform=$BUILDPLATFORM rust:${RUST_VERSION}-slim-bookworm AS build
# C compilers and musl for both architectures, make for the allocator's sources.
RUN case "$(dpkg --print-architecture)" in \
      amd64) other=arm64 compiler=gcc-aarch64-linux-gnu ;; \
      arm64) other=amd64 compiler=gcc-x86-64-linux-gnu ;; \
    esac \
 && dpkg --add-architecture "$other" \
 && apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates make gcc "$compiler" musl-dev "musl-dev:$other" \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY rust-toolchain.toml ./
# The image's own toolchain is the pinned one; clippy and rustfmt are of no use here.
RUN sed -i '/^components/d' rust-toolchain.toml \
 && rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY xtask xtask
COPY deploy/image deploy/image
COPY docs/reasons.md docs/reasons.md
ARG TARGETARCH
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,id=target-$TARGETARCH \
    install -D -m 0755 "$(deploy/image/static-binary.sh "$TARGETARCH")" /image/k8s-replicator \
 && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
ARG VERSION=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="k8s-replicator" \
      org.opencontainers.image.description="Copies Secrets and ConfigMaps between the namespaces of a Kubernetes cluster" \
      org.opencontainers.image.source="https://github.com/olli-ai/k8s-replicator" \
      org.opencontainers.image.documentation="https://github.com/olli-ai/k8s-replicator#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
# In a cluster the program trusts the mounted account's ca.crt. The public authorities are for a kubeconfig that names none.
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 9102
ENTRYPOINT ["/k8s-replicator"]
