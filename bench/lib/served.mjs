// A program that stays up, measures one run per line it is sent, and answers with one line of JSON: the yardsticks in c/ and
// lib/product.mjs. Staying up keeps what is not measured (start, reading the trace, compiling) out of every round.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export class Served {
  #child
  #waiting = []
  #failure

  constructor(command, args, env = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
    const name = [command, ...args].join(' ')
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(JSON.parse(line)))
    const fail = (error) => {
      this.#failure = error
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    }
    this.#child.on('error', fail)
    this.#child.on('close', (code, signal) => fail(new Error(`${name} ended with ${code ?? signal}`)))
    this.#child.stdin.on('error', () => {})
  }

  /** One run: { cpu, wall } in seconds, and what else the program reports. */
  run(request) {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#child.stdin.write(request === undefined ? '\n' : `${JSON.stringify(request)}\n`)
    })
  }

  end() {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return resolve()
      this.#child.on('close', resolve)
      this.#child.stdin.end()
    })
  }
}
