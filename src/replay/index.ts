export type { ReplayPlan } from './plan.ts'
export { planOf, type ReplayOptions, replay } from './replay.ts'
