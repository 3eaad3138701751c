const WINDOWS: ReadonlySet<string> = new Set(['win32', 'win_amd64', 'win_arm64', 'win_ia64'])
const LINUX_ON_PYPI: ReadonlySet<string> = new Set(['linux_armv6l', 'linux_armv7l'])

// Each pattern is anchored and has no nested quantifier: linear time (behaviour.md 1.6).
const PATTERNS: readonly RegExp[] = [
  /^manylinux(?:1|2010)_(?:x86_64|i686)$/,
  /^manylinux2014_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)$/,
  /^manylinux_[0-9]+_[0-9]+_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x|riscv64)$/,
  /^musllinux_[0-9]+_[0-9]+_(?:x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64)$/,
  /^macosx_(?:10_[0-9]+|(?:11|12|13|14|15|26)_0)_(?:ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2)$/,
  /^ios_[0-9]+_[0-9]+_(?:arm64|x86_64)_(?:iphoneos|iphonesimulator)$/,
  /^android_[0-9]+_(?:armeabi_v7a|arm64_v8a|x86|x86_64)$/,
  /^pyemscripten_[0-9]+_[0-9]+_wasm32$/,
]
const ANY_LINUX = /^linux_[a-z0-9_]+$/
const MAX_TAG_LENGTH = 64

/**
 * Whether one platform tag of a wheel may be uploaded: PyPI's list (behaviour.md 1.6, attacks.md FN-PLAT), and with `linux: true`
 * also `linux_*` of any architecture, which a private index needs for wheels built in-house.
 */
export function isAcceptedPlatformTag(tag: string, options: { readonly linux: boolean }): boolean {
  if (tag.length > MAX_TAG_LENGTH) return false
  if (tag === 'any' || WINDOWS.has(tag) || LINUX_ON_PYPI.has(tag)) return true
  return (options.linux && ANY_LINUX.test(tag)) || PATTERNS.some((pattern) => pattern.test(tag))
}
