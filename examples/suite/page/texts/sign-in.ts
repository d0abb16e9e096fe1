/**
 * What the page that asks for a token says: it is made by the server, before there is a page, so it has its own catalogue of a few lines.
 * None but English was released by a clinician.
 */
export interface SignInTexts {
  readonly title: string;
  readonly token: string;
  readonly signIn: string;
  readonly why: string;
}

/** By language. */
export const SIGN_IN: Readonly<Record<'en' | 'hi' | 'bn' | 'gu', SignInTexts>> = {
  en: {
    title: 'Sign in',
    token: 'Token of the site',
    signIn: 'Sign in',
    why: 'This page opens with a token: one for each sign-in, with your name and your role.',
  },
  hi: {
    title: 'साइन इन',
    token: 'संस्थान का टोकन',
    signIn: 'साइन इन करें',
    why: 'यह पृष्ठ टोकन से खुलता है: हर साइन-इन के लिए एक, जिसमें आपका नाम और आपकी भूमिका हो।',
  },
  bn: {
    title: 'সাইন ইন',
    token: 'প্রতিষ্ঠানের টোকেন',
    signIn: 'সাইন ইন করুন',
    why: 'এই পৃষ্ঠা টোকেন দিয়ে খোলে: প্রতিবার সাইন ইনের জন্য একটি, যাতে আপনার নাম ও ভূমিকা থাকে।',
  },
  gu: {
    title: 'સાઇન ઇન',
    token: 'સંસ્થાનું ટોકન',
    signIn: 'સાઇન ઇન કરો',
    why: 'આ પેજ ટોકનથી ખૂલે છે: દરેક સાઇન-ઇન માટે એક, જેમાં તમારું નામ અને તમારી ભૂમિકા હોય.',
  },
};
