import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAcceptedPlatformTag } from './platform-tag.ts'

const onPypi = (tag: string) => isAcceptedPlatformTag(tag, { linux: false })

test("FN-PLAT: PyPI's platform tags are accepted", () => {
  for (const tag of [
    'any',
    'win32',
    'win_amd64',
    'win_arm64',
    'linux_armv7l',
    'manylinux1_i686',
    'manylinux2010_x86_64',
    'manylinux2014_aarch64',
    'manylinux_2_28_ppc64le',
    'manylinux_2_39_riscv64',
    'musllinux_1_2_x86_64',
    'macosx_10_9_x86_64',
    'macosx_11_0_arm64',
    'macosx_26_0_universal2',
    'ios_13_0_arm64_iphoneos',
    'android_21_arm64_v8a',
    'pyemscripten_2024_0_wasm32',
  ]) {
    assert.equal(onPypi(tag), true, tag)
  }
})

test('FN-PLAT: invented platform tags are refused', () => {
  for (const tag of [
    '',
    'ANY',
    'linux_x86_64',
    'manylinux1_aarch64',
    'manylinux_2_x86_64',
    'musllinux_1_2_ppc64',
    'macosx_11_1_arm64',
    'macosx_16_0_arm64',
    'win_x86',
    'any\n',
    'solaris',
    `manylinux_${'2'.repeat(70)}_2_x86_64`,
  ]) {
    assert.equal(onPypi(tag), false, tag)
    if (!tag.startsWith('linux_')) assert.equal(isAcceptedPlatformTag(tag, { linux: true }), false, tag)
  }
})

test('in-house Linux wheels of any architecture are accepted where they are allowed', () => {
  for (const tag of ['linux_x86_64', 'linux_aarch64', 'linux_loongarch64']) {
    assert.equal(isAcceptedPlatformTag(tag, { linux: true }), true, tag)
    assert.equal(onPypi(tag), false, tag)
  }
})
