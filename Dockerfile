# SPDX-License-Identifier: Apache-2.0
# The controller's image: the program, the libraries it loads, and the certificates of public authorities. No shell, no
# package manager, not root.
FROM debian:12-slim AS build
WORKDIR /src
COPY run ./
COPY scripts/install-packages scripts/
RUN ./run setup
COPY . .
RUN cmake --preset release && cmake --build --preset release --target kintsugi-controller
RUN scripts/image-root build/release/bin/kintsugi-controller /image

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENTRYPOINT ["/usr/bin/kintsugi-controller"]
