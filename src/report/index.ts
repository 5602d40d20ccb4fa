export { defineReport, type Report, type ReportChart, type ReportTable, type RunTables } from './define.ts'
