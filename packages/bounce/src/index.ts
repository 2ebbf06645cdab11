export type { Action, ReportOptions } from "./options.ts";
export { deliveryReport } from "./report.ts";
export { MessageError } from "@postroad/message";
