/** Typed columns that grow by doubling while something is being read; `trimmed()` is what is kept. */
type TypedArray = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array

class Growable<A extends TypedArray> {
  length = 0
  data: A
  readonly #make: new (
    length: number,
  ) => A

  constructor(make: new (length: number) => A, capacity = 1024) {
    this.#make = make
    this.data = new make(capacity)
  }

  push(value: number): number {
    if (this.length === this.data.length) {
      const wider = new this.#make(this.data.length * 2)
      wider.set(this.data)
      this.data = wider
    }
    this.data[this.length] = value
    return this.length++
  }

  trimmed(): A {
    return this.data.slice(0, this.length) as A
  }

  clear(): void {
    this.length = 0
  }
}

export class GrowableU16 extends Growable<Uint16Array> {
  constructor(capacity?: number) {
    super(Uint16Array, capacity)
  }
}
export class GrowableI32 extends Growable<Int32Array> {
  constructor(capacity?: number) {
    super(Int32Array, capacity)
  }
}
export class GrowableU32 extends Growable<Uint32Array> {
  constructor(capacity?: number) {
    super(Uint32Array, capacity)
  }
}
export class GrowableF64 extends Growable<Float64Array> {
  constructor(capacity?: number) {
    super(Float64Array, capacity)
  }
}
