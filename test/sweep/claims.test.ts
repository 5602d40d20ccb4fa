import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Claims } from '../../src/sweep/claims.ts'
import { temporaryFolder } from '../cli/run.ts'

let folder: string
let mine: Claims
let theirs: Claims
beforeEach(() => {
  folder = join(temporaryFolder(), 'claims')
  mine = new Claims(folder)
  theirs = new Claims(folder)
})
afterEach(() => {
  mine.close()
  theirs.close()
  expect(readdirSync(folder)).toEqual([])
})

/** What a process on another host left: its owner file and a claim on `name`, last seen `ageSeconds` before `mine` gave its latest sign of life. */
function elsewhere(name: string, ageSeconds: number): void {
  mkdirSync(folder, { recursive: true })
  const owner = join(folder, 'owner.far-1-0')
  writeFileSync(owner, JSON.stringify({ id: 'far-1-0', pidSpace: 'another boot', pid: process.pid, startTime: '1' }))
  linkSync(owner, join(folder, `${name}.0`))
  const then = statSync(join(folder, `owner.${mine.owner}`)).mtimeMs / 1000 - ageSeconds
  utimesSync(owner, then, then)
}

describe('a claim', () => {
  test('is one process’s at a time', () => {
    expect(mine.claim('a')).toBe(true)
    expect(theirs.claim('a')).toBe(false)
    expect(theirs.claim('b')).toBe(true)
    expect(mine.names()).toEqual(new Set(['a', 'b']))
    mine.release('a')
    expect(theirs.claim('a')).toBe(true)
  })

  test('of a host that gave no sign of life for a minute is taken over, by one', () => {
    elsewhere('a', 61)
    expect(mine.claim('a')).toBe(true)
    expect(theirs.claim('a')).toBe(false)
    mine.release('a')
    mine.tidy()
  })

  test('of a host that was seen half a minute ago stands', () => {
    elsewhere('a', 30)
    expect(mine.claim('a')).toBe(false)
    mine.tidy()
    expect(existsSync(join(folder, 'a.0'))).toBe(true)
    utimesSync(join(folder, 'a.0'), 0, 0)
    mine.tidy()
  })

  test('of a dead process is seen at once where it ran, even if its number is in use again', () => {
    const owner = join(folder, 'owner.near-1-0')
    const alive = JSON.parse(readFileSync(join(folder, `owner.${mine.owner}`), 'utf8')) as object
    writeFileSync(owner, JSON.stringify({ ...alive, id: 'near-1-0', startTime: '1' }))
    linkSync(owner, join(folder, 'a.0'))
    expect(mine.claim('a')).toBe(true)
    mine.release('a')
    mine.tidy()
    expect(existsSync(owner)).toBe(false)
  })
})

test('tidying leaves the living alone', () => {
  theirs.claim('kept')
  elsewhere('lost', 300)
  mine.tidy()
  expect(readdirSync(folder).sort()).toEqual(['kept.0', `owner.${mine.owner}`, `owner.${theirs.owner}`].sort())
})
