const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** A date-time without comments (RFC 5322 §3.3), with the years, zones and white space of old (§4.3). */
const DATE_TIME =
  /^(?:(?:mon|tue|wed|thu|fri|sat|sun) ?, ?)?(?<day>\d{1,2}) ?(?<month>[a-z]{3}) ?(?<year>\d{2,4}) (?<hour>\d{2}) ?: ?(?<minute>\d{2})(?: ?: ?(?<second>\d{2}))? ?(?:[+-]\d{2}(?<zoneMinute>\d{2})|[a-z]{1,5})$/i;

/** Longer ones are nothing but comments. */
const LONGEST = 998;

/** Is this the value of a Date field, which readers agree on? The day of the week is taken as it is. */
export function isDateTime(value: string): boolean {
  if (value.length > LONGEST) return false;
  const match = DATE_TIME.exec(withoutComments(value).replaceAll(/[ \t]+/g, " ").trim());
  const { day, month = "", year = "", hour, minute, second = 0, zoneMinute = 0 } = match?.groups ?? {};
  const index = MONTHS.indexOf(month.toLowerCase());
  return (
    index !== -1 &&
    isWithin(day, 1, new Date(Date.UTC(fullYear(year), index + 1, 0)).getUTCDate()) &&
    fullYear(year) >= 1900 &&
    isWithin(hour, 0, 23) &&
    isWithin(minute, 0, 59) &&
    isWithin(second, 0, 60) &&
    isWithin(zoneMinute, 0, 59)
  );
}

/** Comments nest (RFC 5322 §3.2.2); each stands for a space. One that does not end takes the rest with it. */
function withoutComments(value: string): string {
  let depth = 0;
  let text = "";
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at] ?? "";
    if (depth > 0 && character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (depth > 0) depth -= character === ")" ? 1 : 0;
    else text += character;
    if (depth > 0 && text.at(-1) !== " ") text += " ";
  }
  return depth > 0 ? "" : text;
}

/** RFC 5322 §4.3: two digits below 50 are after 2000, other two and three count from 1900. */
function fullYear(year: string): number {
  const number = Number(year);
  if (year.length >= 4) return number;
  return year.length === 2 && number < 50 ? 2000 + number : 1900 + number;
}

function isWithin(value: string | number | undefined, least: number, most: number): boolean {
  return Number(value) >= least && Number(value) <= most;
}
