export { bundleOf, Chart, chart, type MimeBundle, type Shown, show } from './display.ts'
