/** Traces of a plan, opened once: native files where they lie, others imported into the store, where every later run finds them. */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../errors.ts'
import { countPairs, importTrace, openTrace, type PreparedTrace } from '../trace/index.ts'
import type { TraceSource } from './axes.ts'
import { digestOf, sha256 } from './canonical.ts'
import type { Claims } from './claims.ts'
import { engineVersion } from './code-digest.ts'
import type { TraceAxis } from './plan.ts'
import { diskError, type Store } from './store.ts'

/** What the store remembers of a source: enough not to read it again. */
export type KnownTrace = Omit<TraceAxis, 'name'>

/** Identity of a source without reading it: name, size and time of change; for a folder, of each file at its top. */
function sourceKey({ source, isWorkload, format }: TraceSource): string {
  const engine = engineVersion()
  if (isWorkload) return digestOf({ source, engine })
  const { size, mtimeMs } = statSync(source)
  const formatCode = format !== undefined && existsSync(format) ? sha256(readFileSync(format)) : null
  return digestOf({ source, format: format ?? null, formatCode, size, mtimeMs, engine })
}

const sourcePath = (key: string): string => `traces/sources/${key}.json`

/** Undefined where the source was not imported yet. */
export function knownTrace(store: Store, source: TraceSource): KnownTrace | undefined {
  const file = join(store.folder, sourcePath(sourceKey(source)))
  if (!existsSync(file)) return undefined
  const known = JSON.parse(readFileSync(file, 'utf8')) as KnownTrace
  return existsSync(store.tracePath(known.path)) ? known : undefined
}

/** One process imports, others on the same store wait for it. */
export async function prepareTrace(store: Store, claims: Claims, source: TraceSource, progress?: (share: number) => void): Promise<TraceAxis> {
  const claim = `import-${sourceKey(source)}`
  for (;;) {
    const known = knownTrace(store, source)
    if (known) return { name: source.name, ...known }
    if (!claims.claim(claim)) {
      await sleep(200)
      continue
    }
    try {
      if (!knownTrace(store, source)) await importInto(store, claims.owner, source, progress)
    } finally {
      claims.release(claim)
    }
  }
}

async function importInto(store: Store, owner: string, source: TraceSource, progress?: (share: number) => void): Promise<void> {
  const temporary = store.temporary(owner, `import-${sourceKey(source)}.nrt`)
  try {
    await importTrace(source.source, temporary, { format: source.format, progress })
    // read before it is renamed: blocks are read when asked for
    const facts = factsOf(await openTrace(temporary))
    const path = `traces/${facts.digest}.nrt`
    mkdirSync(join(store.folder, 'traces'), { recursive: true })
    renameSync(temporary, join(store.folder, path))
    const known: KnownTrace = { path, ...facts }
    store.write(sourcePath(sourceKey(source)), `${JSON.stringify(known)}\n`, owner)
  } catch (error) {
    if (error instanceof UserError && error.parts.line === undefined) throw new UserError({ ...error.parts, hint: error.parts.hint ?? whereOf(source) })
    throw diskError(error, temporary)
  }
}

const whereOf = ({ place }: TraceSource): string => `Named in ${relative(process.cwd(), resolve(place.file))}:${place.line ?? 1}`

function factsOf(trace: PreparedTrace): Omit<KnownTrace, 'path'> {
  const { digest, tickNs, accesses, pages } = trace.meta
  return { digest, tickNs, accesses, pages, pairs: countPairs(trace) }
}
