export type NumberArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array

/** Uint8Array and its like. */
export interface ArrayType<A extends NumberArray> {
  new (length: number): A
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A
  readonly BYTES_PER_ELEMENT: number
}

/** Makes a zeroed array: one of the collector's, or where whoever hands this on wants it. */
export type MakeArray = <A extends NumberArray>(type: ArrayType<A>, length: number) => A

export const plainArray: MakeArray = (type, length) => new type(length)
