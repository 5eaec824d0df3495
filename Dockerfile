# The command line in an image of its own:
#   docker build -t fledge .
#   docker run --rm -it -v "$PWD:/run" fledge train run.yaml
FROM swift:6.1-bookworm AS build
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends \
        libopenblas-dev liblapacke-dev zlib1g-dev libcurl4-openssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /fledge
# Dependencies change rarely, sources often.
COPY Package.swift ./
RUN swift package resolve
COPY Sources ./Sources
COPY Tests ./Tests
RUN swift build -c release --product fledge --static-swift-stdlib \
    && install -D .build/release/fledge /out/fledge

FROM debian:bookworm-slim
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends \
        libopenblas0 liblapacke zlib1g libstdc++6 libcurl4 ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/fledge /usr/local/bin/fledge
# Configurations, models, data and results are in the folder of the person who runs it.
WORKDIR /run
ENTRYPOINT ["fledge"]
CMD ["--help"]
