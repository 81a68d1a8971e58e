# make run    build what is missing, then take payments in this window
# make test   everything that CI runs as tests, real PC/SC included
# make bench  the figures of the README

UNAME := $(shell uname -s)
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive
# What the PC/SC binding links against.
BUILD_PACKAGES := pkg-config libpcsclite-dev
# The real PC/SC service, a reader for virtual cards, and foreign programs that talk to them.
TEST_PACKAGES := libxml2-utils pcscd vsmartcard-vpcd opensc pcsc-tools python3-cryptography python3-pyscard

.PHONY: run test bench build-needs test-needs

run: build-needs
	cargo run --release --locked --quiet

test: build-needs test-needs
	cargo test --release --locked
	CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-target}" cargo test --release --locked --manifest-path examples/stamp-family/Cargo.toml

bench: build-needs
	cargo bench --locked

build-needs:
	@$(call install,$(BUILD_PACKAGES))

test-needs:
	@$(call install,$(TEST_PACKAGES))

# macOS brings PC/SC along. Elsewhere than on Debian and Ubuntu we say what to install and go on: it may be there already.
ifeq ($(UNAME),Darwin)
install = true
else
install = \
	if ! command -v dpkg-query >/dev/null; then \
	  echo "This system has no apt. Install the equivalents of: $(1)"; \
	else \
	  missing=$$(for package in $(1); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	  if [ -n "$$missing" ]; then \
	    echo "Installing:" $$missing; \
	    $(AS_ROOT) apt-get update -qq && \
	    $(AS_ROOT) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  fi; \
	fi
endif
