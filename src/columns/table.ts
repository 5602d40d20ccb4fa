/** A table of named, typed columns: the only shape in which results leave the engine and reach reports. */
export type ColumnType = 'string' | 'int' | 'float' | 'bool'

/** One column of a table: `int` values are exact integers below 2^53; `null` means "not known", never zero. */
export interface Column {
  name: string
  type: ColumnType
  /** 'ns', 'pages', 'bytes', 'share', '' ... printed in headings and stored with the file. */
  unit: string
  about: string
}

export interface TableSchema {
  name: string
  about: string
  columns: readonly Column[]
}

export type Cell = string | number | boolean | null
export type Row = Record<string, Cell>

export class Table {
  readonly schema: TableSchema
  readonly columns: Map<string, Cell[]>
  /** The same in the order of the schema. */
  readonly #named: readonly (readonly [name: string, values: Cell[]])[]

  constructor(schema: TableSchema, columns?: Map<string, Cell[]>) {
    this.schema = schema
    this.columns = columns ?? new Map(schema.columns.map((column) => [column.name, []]))
    this.#named = schema.columns.map(({ name }) => [name, this.columns.get(name)!])
  }

  get length(): number {
    return this.columns.get(this.schema.columns[0]!.name)!.length
  }

  /** Every column of the schema must be present, in the row or in what holds `otherwise`; a misspelt or missing one is a bug and throws. */
  add(row: Row, otherwise?: Row): void {
    const names = Object.keys(row)
    let left = names.length
    for (const [name, values] of this.#named) {
      const own = row[name]
      const value = own === undefined ? otherwise?.[name] : own
      if (value === undefined) throw new Error(`table ${this.schema.name}: row lacks ${name}`)
      if (own !== undefined) left--
      values.push(value)
    }
    if (left > 0) throw new Error(`table ${this.schema.name} has no column ${names.find((name) => !this.columns.has(name))}`)
  }

  column(name: string): Cell[] {
    const values = this.columns.get(name)
    if (!values) throw new Error(`table ${this.schema.name} has no column ${name}`)
    return values
  }

  row(i: number): Row {
    const row: Row = {}
    for (const [name, values] of this.columns) row[name] = values[i]!
    return row
  }

  rows(): Row[] {
    return Array.from({ length: this.length }, (_, i) => this.row(i))
  }

  append(other: Table): void {
    for (const [name, values] of this.columns) {
      for (const value of other.column(name)) values.push(value)
    }
  }
}
