# make run    build what is missing, then take payments in this window
# make test   everything that CI runs as tests, real PC/SC included
# make nightly  the suites and all deliberate defects at 32 seeds, for what CI runs at 4
# make bench  the figures of the README
# make reports  what lies in reports/ and is made by the program, anew

UNAME := $(shell uname -s)
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive
UNTORN = cargo run --release --locked --quiet --
# What the PC/SC binding links against.
BUILD_PACKAGES := pkg-config libpcsclite-dev
# The real PC/SC service, a reader for virtual cards, foreign programs that talk to them, and what a foreign card is built with.
TEST_PACKAGES := faketime iproute2 libclang-dev libxml2-utils pcscd vsmartcard-vpcd opensc pcsc-tools python3-cryptography python3-pyscard python3-virtualsmartcard python3-pycryptodome strace

.PHONY: run test nightly bench reports build-needs test-needs foreign-card

run: build-needs
	cargo run --release --locked --quiet

test: build-needs test-needs foreign-card
	cargo test --release --locked --workspace

nightly: build-needs
	UNTORN_SEEDS=32 cargo test --release --locked --test seeds -- --nocapture

bench: build-needs
	cargo bench --locked

reports: build-needs
	rm -rf target/reference
	$(UNTORN) test --out target/reference
	$(UNTORN) report show target/reference --format markdown --out reports/reference.md
	$(UNTORN) mutants --out reports/mutants.md
	$(UNTORN) report traceability --out reports/traceability.md
	$(UNTORN) explore --map reports/tear-map.md --map reports/tear-map.svg
	UNTORN_WRITE_REPORTS=1 cargo test --release --locked --quiet --test decoder_corpus

build-needs:
	@$(call install,$(BUILD_PACKAGES))

test-needs:
	@$(call install,$(TEST_PACKAGES))

# Only the live tests have a use for it, and they are Linux's. It builds where untorn does: what both depend on is built once.
foreign-card:
ifneq ($(UNAME),Darwin)
	CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-target}" cargo build --release --locked --manifest-path examples/openpgp-card/Cargo.toml
endif

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
