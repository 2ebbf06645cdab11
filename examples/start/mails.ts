import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Mail, Message } from "@postroad/core";
import { createMessage, file, rawMail } from "postroad";
import { noisePicture } from "./picture.ts";

/** A mail with everything in it: names and words of several scripts, HTML with a picture, a large attachment. */
export function composedMail(from: string, recipients: { to: string[]; cc: string[]; bcc: string[] }): Message {
  return createMessage({
    ...recipients,
    from,
    subject: "Grüße, 你好, مرحبا, שלום 📮",
    text: "Grüße aus dem Postamt!\n\nDas Bild liegt bei. 图片见附件。\n",
    html: '<p>Grüße aus dem <b>Postamt</b>!</p><p><img src="cid:stamp" alt="Briefmarke"></p>',
    attachments: [
      { filename: "Briefmarke.png", content: noisePicture(40, 40), contentId: "stamp" },
      { filename: "Poster – 海报.png", content: noisePicture(720, 540) },
    ],
  });
}

/** The `.eml` files of a folder, each as it is, to one recipient. */
export async function rawMails(folder: string, from: string, to: string): Promise<readonly (readonly [string, Mail])[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".eml")).toSorted();
  return Promise.all(
    names.map(async (name) => [name, await rawMail(await file(join(folder, name)), { envelope: { from, to: [to] } })] as const),
  );
}
