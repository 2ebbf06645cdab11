export type { Fake, FakeCall, FakeOptions, FakeScript, FakeVerdict } from "./fake/fake.ts";
export { fake } from "./fake/fake.ts";
