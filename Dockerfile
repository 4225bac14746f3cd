# One image for every service: docker build --build-arg SERVICE=runner -t gannet-runner .
# All programs are built once; what differs is which of them, with the libraries it loads and nothing else, is in the image.
FROM debian:trixie-slim AS build
COPY scripts/deps /src/scripts/deps
RUN cd /src && scripts/deps --build && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG COMMIT=unknown
ARG SOURCE_DATE_EPOCH=0
RUN export SOURCE_DATE_EPOCH && make -s -j"$(nproc)" MODE=release SLIM=yes VERSION_GIT="$COMMIT" all && scripts/image-root build/release/bin /out

FROM scratch
ARG SERVICE=runner
ARG COMMIT=unknown
ARG VERSION=0
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="gannet-${SERVICE}" \
	org.opencontainers.image.description="Gannet: AI jobs on NATS, service ${SERVICE}" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${COMMIT}" \
	org.opencontainers.image.created="${CREATED}" \
	org.opencontainers.image.base.name="scratch"
COPY --from=build /out/${SERVICE}/ /
ENV HEALTH_BIND=0.0.0.0 PROMETHEUS_PORT=9090 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 10001:10001
EXPOSE 9090
ENTRYPOINT ["/gannet"]
HEALTHCHECK --interval=3s --timeout=4s --start-period=10s --retries=6 CMD ["/gannet", "--health"]
