/** Prints what a check found, one problem a line, and makes the process fail where there is any. */
export function report(check: string, problems: readonly string[], passed: string): void {
  if (problems.length === 0) {
    console.log(`${check}: ${passed}`);
    return;
  }
  for (const problem of problems) console.error(problem);
  console.error(`${check}: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`);
  process.exitCode = 1;
}
