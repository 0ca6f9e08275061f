#!/bin/sh
# Builds the static program for one architecture, and prints its path: deploy/image/static-binary.sh amd64|arm64
#
# With musl where there is a C compiler for it: Debian's gcc-x86-64-linux-gnu or gcc-aarch64-linux-gnu with musl-dev of that
# architecture. Elsewhere with glibc, linked statically, for this machine's own architecture only. The Dockerfile and
# `cargo xtask image` both call this, so that what the tests run is built as the image's is.
set -eu
cd "$(dirname "$0")/../.."

case ${1:-} in
amd64) arch=x86_64 ;;
arm64) arch=aarch64 ;;
*)
  echo "error: expected amd64 or arm64; it was '${1:-}'" >&2
  exit 2
  ;;
esac

target=$arch-unknown-linux-musl
specs=/usr/lib/$arch-linux-musl/musl-gcc.specs
folder=${CARGO_TARGET_DIR:-target}
has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }
if [ -f "$specs" ] && command -v "$arch-linux-gnu-gcc" >/dev/null && has_target "$target"; then
  # A compiler under the name that C code's build scripts look for. (Debian's own wrapper is for the machine's own only.)
  mkdir -p "$folder/musl"
  folder=$(cd "$folder" && pwd)
  compiler=$folder/musl/$arch-linux-musl-gcc
  # On arm64 gcc would call functions for atomics that ask glibc which processor this is.
  more=
  [ "$arch" = aarch64 ] && more=-mno-outline-atomics
  printf '#!/bin/sh\nexec %s-linux-gnu-gcc "$@" -specs %s %s\n' "$arch" "$specs" "$more" >"$compiler"
  chmod +x "$compiler"
  name=$(echo "$target" | tr - _)
  export "CC_$name=$compiler" "AR_$name=$arch-linux-gnu-ar"
  # The compiler's own start files and libraries would be glibc's; Rust brings musl's.
  export "CARGO_TARGET_$(echo "$name" | tr '[:lower:]' '[:upper:]')_LINKER=rust-lld"
  flags=
elif [ "$arch" = "$(uname -m)" ]; then
  target=$arch-unknown-linux-gnu
  flags="-C target-feature=+crt-static"
else
  echo "error: no compiler for $target: install $arch-linux-gnu-gcc, musl-dev of that architecture, and \`rustup target add $target\`" >&2
  exit 1
fi
# Pages of arm64 kernels are 4, 16 or 64 KiB; the allocator has to know the largest.
[ "$arch" = aarch64 ] && export JEMALLOC_SYS_WITH_LG_PAGE=16

# Random bytes come by the system call. A static program cannot ask whether the C library has it, and would look for a device file.
flags="$flags --cfg getrandom_backend=\"linux_getrandom\""

RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --locked --quiet --package k8s-replicator --profile image --target "$target" >&2
echo "$folder/$target/image/k8s-replicator"
