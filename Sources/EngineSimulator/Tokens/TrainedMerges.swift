// Made by scripts/generate/tokenizer from scripts/generate/corpus.txt; do not edit.

/// What training found, in the order in which it was found.
enum TrainedMerges {
  /// Pairs of tokens that are joined, the left one before the right one, the most frequent pair first. Bytes are written
  /// as `ByteAlphabet` writes them.
  static let text = #"""
    Ġ t h e Ġ a Ġt he Ġ o Ġ i r e Ġ s Ġ w e r e s n d h a Ġ b Ġ f Ġ c i n Ġ n Ġ m Ġo f . Ċ Ġ p e n Ġ l o r o u o n Ġa
    nd Ġ e ha t e d i t Ġi t Ġi n Ġo n s t a t Ġi s a r Ġ d Ġt o o t Ġt hat Ġ re l l a m e t a n a y r o in g a d l e
    Ġf or Ġ ha Ġa n a c Ġb e i c v er s e h o a l T he es t Ġ ` i on Ġs t Ġon e Ġ g it h l d u t Ġn ot en t i r Ġw ith
    Ġ u Ġw he he r er s a p o w a k Ġa re Ġa s o re o d q u o m Ġ Ġ Ġ y Ġ k a s i s c e i d Ġt h v e g e Ġs e n t Ġ r
    Ġa t i l u r Ġ he i g p t u m Ġe nd o o l o in t c k i m Ġn e ' s qu est Ġb y Ġha s p o am e ro m Ġit s Ġwhe n Ġo
    r Ġ " es s Ġ I ou t Ġw h c t ha n t her Ġ A Ġd o e m Ġw e Ġ v e p a ll po int Ġy ou a ge Ġ The Ġk e ver y Ġn o Ġs
    o Ġc ou Ġl e x t ac h s w Ġw hat u n Ġre quest Ġend point c h l y Ġf ir Ġl a od y e l Ġw ho - - Ġ h h ing i st lo
    ck Ġw as Ġre ad .Ċ Ċ in e Ġd e Ġin t ar t or d f t nd s r it Ġ ho " : b er re s Ġfir st Ġt e ic h p e Ġe very ay s
    i es u s i le on g Ġf rom Ġn um a in Ġc on Ġp l Ġs er Ġt im Ġan sw Ġo ther Ġwh ich i ll or t at ion Ġthe m ur n Ġa
    ll w n Ġw rit ou r i v u e Ġ W Ġthe re oo k Ġl o Ġc an Ġc om Ġp ro en g Ġa g e w on e Ġb lock Ġm ore ak es Ġth re
    h t Ġint o i e t es f ore Ġe ach Ġ ( Ġt han Ġ j Ġg o Ġn ame Ġo ut Ġtim e Ġbe fore Ġth is e re Ġcou nt Ġu p a nd g
    es ` , an t c o l f Ġthe ir Ġv al ct ion ic k Ġha ve u d Ġe l Ġl ook Ġs c Ġwith out ac k Ġdo es Ġby tes Ġs a id e
    ĠĠ ĠĠ Ġa r b ers d d ig ht Ġa b Ġan y Ġt w Ġthe y Ġwhe re n e Ġm e l i ou nd r i r ic Ġ C Ġc o Ġnum ber Ġte xt o x
    Ġl ong Ġnot hing b le i nd p l Ġ eng Ġc all Ġu s Ġm ay Ġb ody Ġo wn a u ac he oo l u re Ġas k Ġke y Ġon ly e ar f
    f Ġo ver Ġw ord n ow t h Ġa dd Ġke ep Ġm ess ak e Ġ E Ġ M Ġag ain Ġm ap Ġm et ad e am es Ġla st ot her p en rom pt
    t e Ġ P Ġc han Ġm o ft er Ġab out Ġha d Ġho ld Ġu n ic e k en ĠĠ Ġ Ġm em ac e b ody Ġhe ad Ġm od Ġne ed Ġa l Ġl
    ist Ġs h Ġthre ad a st he d p s Ġ N Ġansw er Ġb r at e Ġw a p er p le Ġ ro Ġm ade Ġp rompt Ġtw o " , Ġa fter Ġe v
    Ġe x Ġk now Ġto o ent s et s om e Ġ S Ġt urn at er res s Ġ B Ġwe re Ġ { Ġcou ld Ġf ile Ġn ames Ġp age Ġp ick r y
    Ġp o ou ld Ġ H Ġde c in es or k t en Ġ T Ġval ue u p ver s w e Ġo ld Ġsa id ou nt Ġbe c Ġmod el Ġon ce Ġs ha ar g
    he n r a r ing Ġ L Ġan other Ġp art Ġy ear re am ric s Ċ Ċ ac t it y p ort Ġ F Ġask ed Ġb ut Ġe ar Ġel se Ġg iv Ġi
    f Ġmess age Ġw ill Ġwh ile ou g Ġs ent W hat e ad i ve m pt or y p on u g Ġ K ĠI t Ġf l Ġg at Ġkeep s Ġor d Ġser
    ies Ġst art Ġt akes Ġw ork f ig i x i z Ġansw ers Ġc h Ġc ha Ġe mpt Ġs l g r re d u es ã ģ ĠA n Ġ` -- Ġn il Ġnum
    bers Ġpl ace Ġs ame Ġ = Ġb ack Ġb u Ġblock s Ġempt y Ġf o Ġl ine Ġle ft Ġto ken Ġw ould ` .Ċ c ess s c Ġ | Ġc li
    Ġcon ne Ġcon t Ġd i Ġeng ine Ġgat ew Ġm u Ġmap s Ġord er Ġp r Ġre c Ġse co Ġword s Y ou b el d ay ore r ro w Ġ O
    Ġadd ress Ġendpoint s Ġm an Ġp e Ġre f es c it s k y v es Ġ qu Ġbe en Ġs ays Ġwrit ten an ce c es e ll et t g g
    pon se Ġc ache Ġla bel Ġp er Ġs ome r ap re e Ġ D Ġ quest Ġc ar Ġconne ction Ġhold s Ġle a Ġquest ion Ġst ream l t
    n ing s ed Ġ â Ġha lf Ġn one Ġon es Ġp ot Ġrequest s Ġsc rap Ġthre e a ges at ch re f se lf u ll à ¤ Ġ ent Ġcli
    ent Ġfor m Ġgo es Ġl ow Ġman y Ġne ver : Ċ ho se p ro Ġ Â Ġbe g Ġf ew Ġne xt Ġre s Ġser v Ġt hose Ġwhe ther O N W
    he a x k e nd er ow n Ġeng ines Ġf ound Ġs m Ġst ill Ġt ak Ġtak en Ġthe n Ġu nt Ġunt il ) .Ċ A n a w am il an g
    ere n f or l s ll ow o y oug h p ut ĠĠĠĠ ĠĠĠ Ġa m Ġf amil Ġf ox Ġhe re Ġhead ers Ġmo st Ġne w Ġnot es Ġr un Ġs ay
    Ġs et Ġs ho Ġs un Ġst o Ġwho le Ġwrit e Ġyou r Ġ{ " a ble e ct ep p ere d he s iz e r or re ad ref ix s er y pe z
    oo Ġ - Ġf r Ġgatew ay Ġgiv en Ġkey s Ġof f Ġp ort Ġrec ord Ġs um at a k s p ed t hing v en Ġ J Ġc l Ġchan ge
    Ġcount s Ġf in Ġf ull Ġl arg Ġlo g Ġm ake Ġme an Ġp as Ġp ie Ġpick er Ġre t Ġret urn Ġs p Ġst a Ġval ues Ġwa it
    Ġwho se ar m e ver s s ĠW hen Ġc lo Ġd ay Ġd own Ġknow n R ead a se au se gr am ie ld iv es j ect ur ation Ġ G Ġ
    You Ġ Ð Ġ( ` Ġa c Ġc ame Ġc ap Ġco st Ġdo g Ġev ent Ġf ield Ġfo llow Ġm ach Ġm in Ġmach ine Ġother s Ġr i Ġs ky Ġs
    le Ġse a Ġte a -- -- a g ar d at h at her c on o ple ot o ri ed Ð µ Ġf ig Ġha r Ġmem ory Ġmin ut Ġo pen Ġre st
    Ġread er Ġs in Ġse e Ġsho w Ġsin ce Ġtoken s Ġw ind S ON a ir al t at es e x er ror et rics g et i p om et t o ĠJ
    SON Ġb et Ġbet we Ġbetwe en Ġke pt Ġl it Ġm akes Ġp ool Ġseco nd Ġsl ot Ġst ring Ġu nder Ġus ed ` : ap s e nd eren
    ce ion s n ot ĠI n Ġa p Ġcan not Ġd en Ġe le Ġho w Ġo b Ġre m Ġse ven . . ` ; a re am et ar amet eng th for m l es
    ou s ĠI f Ġan t Ġb ound Ġbeg in Ġbr id Ġcom es Ġdi ff Ġi ce Ġi d Ġj am Ġlook ed Ġmem bers Ġne ar Ġneed s Ġo w Ġpro
    cess Ġri vers Ġsle ep Ġsm all Ġt en Ġt r Ġwe b Ġyear s . " fig uration in k t ers } Ċ Ġ R ĠH e Ġde f Ġear li Ġex
    pe Ġexpe ct Ġg r Ġhead er Ġlea ve Ġs u Ġser ver Ġth ir Ġwind ow Ġwith in E R per at r act un k Ġar r Ġb est Ġb ud
    Ġele m Ġev en Ġhe ld Ġin st Ġm ill Ġmess ages Ġmet rics Ġr an Ġre pl Ġsh ort ĠÂ µ ĠÂµ s Q u Whe ther and id aps h
    apsh ot es ide h ind i se il s ll m n apshot ri pt s ide u st un ction Ġ [ Ġ error ĠAn sw Ġam ount Ġan ch Ġanch or
    Ġb eside Ġb us Ġbe hind Ġbec ause Ġd is Ġf our Ġfamil y Ġl ang Ġlang u Ġlangu age Ġlo ck Ġminut es Ġn et Ġno body
    Ġp ast Ġp ath Ġscrap e Ġse ver Ġsever al Ġsta nds Ġto ld Ġu se Ġw ant Ġwe e Read s _ d ac es al k al th au lt b e
    g ed he ck l p lock s n et st em t ool ve l y stem { " Ġ hat Ġ zoo ĠAnsw er ĠE n ĠI P ĠThe y Ġas h Ġb ay Ġb l Ġb
    ox Ġbe e Ġbrid ges Ġc at Ġc ow Ġc up Ġcha pt Ġco p Ġcon figuration Ġde w Ġe gg Ġel m Ġg row Ġh our Ġha y Ġhe n Ġin
    k Ġj ar Ġj ay Ġl ater Ġlabel s Ġlarg est Ġle g Ġlist en Ġlow er Ġm ud Ġme as Ġneed ed Ġo ak Ġo at Ġow l Ġp an Ġp
    en Ġp ig Ġp ut Ġpe ople Ġpo int Ġqu e Ġr am Ġr y Ġrecord s Ġry e Ġs alt Ġs pe Ġsc orer Ġsha re Ġsome body Ġt able
    Ġt ake Ġu r Ġv an Ġw ater Ġwrit es Ġy ak Ġâ Ģ / / : // L M al ance ar k as h at us em perat emperat ure esc ap m
    etrics sc orer Ð ° Ðµ Ð Ġ / Ġc ho Ġc ore Ġch unk Ġchan ges Ġcom e Ġho st Ġi m Ġi nd Ġl ength Ġle ar Ġlear n Ġm is
    Ġp refix Ġs ize Ġs napshot Ġsum m Ġy et L LM b u d u is h n ame o se omet hing ot al ot h u l v ed vers ation y
    tes Ġc andid Ġcost s Ġf il Ġl ess Ġlong er Ġmeas ure Ġmu ch Ġnear ly Ġo ur Ġr ight Ġr out Ġre port Ġro om Ġs ide
    Ġt ra Ġthir d Ġw r Ġwindow s " } - s E very c hed ess ion ett er f ile g re ke y pl et qu al re n re quest t ent t
    otal ug in ĠP aramet Ġask s Ġbu ff Ġc ut Ġd ays Ġdec is Ġent ry Ġf i Ġhe ar Ġmet ho Ġmetho d Ġn ow Ġown er Ġp u
    Ġpro ble Ġpro gram Ġproble m Ġrem em Ġs at Ġst ays Ġus er P P T akes _ epp b l c ache ce pt d en ho st i ld ing s
    lo g o g o l or s ou nds r ies re ct s es s ing t ype us ed v oy Ġ est Ġ Ã ĠF r ĠParamet er ĠW hat Ġa ir Ġar t Ġbl
    ue Ġbu ck Ġc ur Ġcall ed Ġchapt ers Ġcom put Ġd esc Ġdecis ion Ġe qual Ġend s Ġf an Ġfl ag Ġfl our Ġg em Ġg re Ġg
    um Ġgiv es Ġh ist Ġh ut Ġi v Ġind ex Ġit self Ġiv y Ġk it Ġl ap Ġl ines Ġlo ad Ġmu st Ġn ut Ġo ar Ġold er Ġp aw
    Ġpe a Ġpr oto Ġr ay Ġr im Ġread s Ġs ap Ġs he Ġs omething Ġse lf Ġsent en Ġst one Ġstart ed Ġte ll Ġto e Ġur n Ġv
    at Ġwa x Ġwee k Ġy am * * , " . c C on H ow Qu est Quest ion S t ` ) ha nt hant s ic es ist ant it e l ap l ess le
    ase od e ou se our ce read y s un t he u nd v al y am Ģ Ĥ Ñ Ĥ à ¥ ã ĢĤ ð Ł ĠK B Ġag o Ġal w Ġalw ays Ġcom p Ġdef
    ault Ġevery thing Ġhas h Ġhe lp Ġint ere Ġintere st Ġl ar Ġl i Ġl im Ġlar ge Ġle ast Ġm at Ġm om Ġmo ve Ġmom ent
    Ġob ject Ġprompt s Ġre ache Ġs ystem Ġse nds Ġseco nds Ġserv ed Ġso on Ġst atus Ġthread s Ġun less - scorer ; Ċ O
    ne ` . a f ad ata ar s ar y c al c at i an in ation le g m ax re ak ro p s it Ġ + Ġ escap ĠT h Ġa w Ġac cept Ġb
    its Ġb oth Ġbe l Ġbec ome Ġbuff er Ġclo sed Ġcount ed Ġdec ide Ġe ver Ġearli er Ġend ed Ġf ar Ġgo od Ġgr ou Ġlea
    ves Ġlim it Ġque ue Ġres ponse Ġshow s Ġsto od Ġten ant Ġtim es Ġturn ed Ġwant ed - d B locks R es V al al se all
    s c l est s f in h r h y i ps ken s o nd ot hing oug ht res ponse ĠC on ĠE ach ĠW e Ġal ready Ġar ound Ġby te Ġc
    lock Ġcar ried Ġchan ged Ġcom plet Ġcou r Ġd ep Ġd id Ġd ra Ġe xt Ġelem ents Ġf ree Ġfield s Ġform at Ġhar d Ġin
    side Ġk il Ġl ives Ġlit t Ġlitt le Ġm id Ġm on Ġmem ber Ġmid d Ġmidd le Ġpas s Ġpl ugin Ġpu bl Ġreturn s Ġse nd
    Ġspe ak Ġst or Ġsu ch Ġt ree Ġv LLM Ġw alk ) :Ċ . b E PP I n _ total a il ar is b our b ud cal host end point g um
    ild ren m od mod el o es ong s p ot qu e res ent urn s } , Ġ > Ġ Question Ġ Y Ġ her Ġ Ñ Ġ ì Ġ ðŁ ĠD o ĠI nt ĠIP v
    ĠN one ĠO n Ġag re Ġany thing Ġar m Ġb o Ġbegin ning Ġbound ed Ġc heck Ġcl im Ġclim b Ġcom m Ġcomput er Ġcont ract
    Ġd ark Ġde gre Ġdegre es Ġe at Ġeven ing Ġfr ie Ġfrie nds Ġh is Ġh ouse Ġh t Ġh und Ġht t Ġhund red Ġl ett Ġl ight
    Ġlett ers Ġlo st Ġm or Ġm other Ġmean s Ġmor ning Ġo per Ġoper ation Ġp on Ġp ric Ġpo ss Ġposs i Ġpossi ble Ġpro
    du Ġre d Ġremem ber Ġro se Ġs ession Ġsenten ces Ġsh ould Ġsmall er Ġst and Ġst ay Ġt emperature Ġth r Ġthe se
    Ġthr ough Ġto m Ġto wn Ġwe ather Ġwork er Ġwr ong ' d ' t - b .b alance > Ċ V E Whe re ` ).Ċ and om at oes b ay b
    ox b us be e c ap c ity c ow c up d ew d og e gg e xt el m er o et ing f an f ir f ox ge m h ut ha y he re i Ã is
    hed iv y j am j ar j ay k it le p m ap m ud n ut o ak o ar o at o gram o st o ve ow l p an p aw p ie p ig pe a pro
    c r am r ay r im r u ry e s ap s ky se a st ring te a to e us ic v an v at w ax we b y ak | ---- Ã ¤ Ã ¼ Î ± Ð ¸ Ð
    ¾ Ø § ä ¸ ë ĭ ï ¼ Ġ -- Ġ U Ġ en Ġ z Ġb reak Ġbec om Ġbecom es Ġcandid ate Ġcon versation Ġconnection s Ġd ata Ġde
    ad Ġdesc ript Ġfamil ies Ġl ay Ġl oo Ġlearn ed Ġlook s Ġlow est Ġm ist Ġmet ric Ġn am Ġo pt Ġp ha Ġpha se Ġpl aces
    Ġpr int Ġprodu ct Ġr andom Ġre p Ġread ing Ġref erence Ġrepl ay Ġs w Ġst ate Ġstream s Ġstring s Ġt ype Ġw ent Ġwh
    ite Ġz ero - p .. . Res ponse W rit ` llm am ple ar ch ard s c han cess ing con tent e ep en ce et urns i o ist s
    l ed m ent nd point our ces re ction t s ur s Ġ Val ĠC VE ĠE very ĠW ith Ġ` / Ġac ro Ġacro ss Ġansw ered Ġat t Ġb
    atch Ġb ro Ġbr ought Ġclo se Ġcont ent Ġcop y Ġdiff ere Ġdiffere nt Ġe ight Ġex act Ġf unction Ġf ur Ġfo ld Ġfur
    ther Ġg au Ġg ive Ġgatew ays Ġh ig Ġhold er Ġl et Ġlarg er Ġli ke Ġlisten s Ġloo p Ġmet adata Ġpro file Ġref used
    Ġro w Ġrout ed Ġs ource Ġs up Ġse ed Ġsh ips Ġsh ut Ġsl ow Ġst ore Ġstart s Ġt ick Ġto get Ġtoget her Ġtra il Ġup
    per Ġw atch Ġw ay Ġwh y Ġwhat ever Ġwho ever Ġwrit ing ) , A dd A ll ER E N ames P C R PC S ources Writ es _ proc
    an n arg et as s bu f c ount co l co nd e c ic ation ick er ion al ip ped iv ed lo ad m e m s or row ot e res h s
    et st ream u res Ġ < ĠH and ĠM y ĠN il ĠN othing ĠR eturns Ġas s Ġb etter Ġb ounds Ġbel ow Ġbr ack Ġc ase Ġc ell
    Ġc ode Ġc or Ġcall s Ġch ildren Ġcour se Ġd ig Ġdi rect Ġdiff erence Ġdirect ory Ġearli est Ġelem ent Ġent ered
    Ġexpect ed Ġf all Ġf alse Ġf ell Ġflag s Ġg ets Ġgau ges Ġgrow s Ġha nds Ġin cl Ġincl ud Ġinclud ed Ġlit er Ġliter
    al Ġm er Ġm s Ġmean ing Ġmis sing Ġmist akes Ġmod e Ġnam ed Ġne g Ġneg at Ġnegat ive Ġp ar Ġp resent Ġpart y Ġr is
    Ġs ig Ġs il Ġs im Ġs k Ġs ug Ġscorer s Ġserv ice Ġserv ing Ġsha red Ġst ep Ġstor age Ġth ous Ġthous and Ġtrail ers
    Ġtw ice Ġunder st / EPP Add s P U R e T ell T o W h Wh ich _ c a b a v ber net bernet es bour s c hes c les co nds
    est ination f ul i al i ft ic t it her lo calhost n er n o ot es p ool ro le s o st all te xt to kens u bernetes u
    lt um ents us es Ġ $ Ġ & Ġ ' Ġ ** Ġ _ Ġ es Ġ very Ġ } Ġ }Ċ Ġ Î Ġ × Ġ à¤ ĠĠĠĠ ĠĠĠĠĠĠĠ Ġ& & Ġ(` -- Ġ+ = ĠA P ĠA c ĠA
    fter ĠA nd ĠA ss ĠAP I ĠAn y ĠAss istant ĠB Y ĠB en ĠC l ĠCl ar ĠClar a ĠCon versation ĠD av ĠDav id ĠEn g ĠEn voy
    ĠEng l ĠFr ance ĠHand b ĠHandb ook ĠIn stall ĠK eep ĠL ater ĠL e ĠL o ĠM B ĠM ond ĠMond ay ĠP e ĠP lease ĠPe ople
    ĠT od ĠTh urs ĠThe n ĠThurs day ĠTod ay Ġ[ " Ġa ut Ġab ove Ġaddress es Ġagre ed Ġal so Ġall o Ġant ig Ġap pe Ġap
    ple Ġar ri Ġarri ve Ġass istant Ġaw ay Ġb alance Ġb ook Ġb ord Ġb oy Ġbo ils Ġbuck et Ġbuck ets Ġc a Ġc ity Ġc ust
    Ġcap it Ġcapit al Ġcar ry Ġch ur Ġcha ir Ġcheck ed Ġchur ch Ġcl ay Ġco ast Ġcor rect Ġcust om Ġcustom er Ġd as Ġd
    estination Ġd r Ġd ug Ġdec id Ġdis p Ġdra wn Ġe po Ġe t Ġe y Ġey es Ġf ail Ġf ast Ġf lo Ġfi ft Ġfl ight Ġfollow s
    Ġfr ame Ġg et Ġg one Ġh im Ġha nd Ġhe ard Ġhelp ful Ġher d Ġhist ogram Ġhist ory Ġho me Ġhtt p Ġi st Ġid s Ġinst
    all Ġint e Ġinte g Ġkil omet Ġkilomet res Ġknow s Ġla nd Ġla z Ġlaz y Ġlo af Ġm il Ġm ount Ġm usic Ġme eting Ġmer
    c Ġmerc hants Ġmet res Ġmil k Ġmo ved Ġmon th Ġmount ain Ġn ight Ġnot ice Ġof ten Ġold est Ġout put Ġout side Ġp
    hy Ġp ress Ġpas sw Ġpassw ord Ġphy s Ġphys ic Ġphysic ian Ġpie ce Ġpl ant Ġpl at Ġplat form Ġpo sit Ġpon te Ġpot
    atoes Ġpr act Ġpress ure Ġpric es Ġpro port Ġran ge Ġreache d Ġro ad Ġs ate Ġs ets Ġs i Ġs ongs Ġs ure Ġsa il Ġsa
    ils Ġsail ors Ġsate ll Ġsatell it Ġsatellit es Ġsc ore Ġse g Ġshow ed Ġshut ters Ġsi xt Ġsil ence Ġsm ell Ġsp ring
    Ġst ars Ġst ick Ġst re Ġsta le Ġstre et Ġsumm er Ġt alk Ġt arget Ġt er Ġt est Ġt on Ġth ink Ġtick et Ġto day Ġtom
    orrow Ġtoo ls Ġtra vel Ġunderst and Ġus es Ġv o Ġv oy Ġw arm Ġw o Ġwa re Ġware h Ġwe ll Ġwhe el Ġyour self Ġ| Ċ "
    " " ] "] } "} }Ċ ' e 'e au ( " ( * (* ) ** : - up .c om / c / v < / < tool A M B ytes C ount F F G L GL ang H e I
    t R O _ response _ tokens _ we _c all _we ather a it a Ã ac ha acha ble ack s ad d al f ap er aramet ers are nt as
    on at ched ce ls cels i celsi us d e e en e nds er val ess ages ex ample f unction gr p i f i red it te iÃ ³ l ine
    lep hants m ber m ents n um o ves on ic ot t ou d p refix r oto re nt ri b s on t emperature t y th on un it w
    ards w here y thon |---- -- Ģ ÐµÐ ģ Î± ģ ÑĤ Ĭ ãģ ķ Į ķ × ĸ ç ĸç ķĮ ľ × ¤ © ¤ ë ¥ ½ ¨ Ø§ ¨ å Ń Ï ¼ Î Ã ¡ Ã ¨ Ã © Ã
    ¶ Î ¼Î Ð ´ Ð° Ñ Ø ¨Ø§ Ù Ħ Ù ħ â Ģ ã Ĥ ä » ä¸ ĸçķĮ å ¤© å ¥½ ê ° ï¼ Į ĠG o ĠK V ĠK ubernetes ĠN o ĠO pen ĠS t ĠW ho
    ĠY AM ĠYAM L Ġ` - Ġal one Ġarr ay Ġbegin s Ġcandid ates Ġcha ract Ġcho ice Ġcop ies Ġcount ers Ġcur rent Ġdec od
    Ġdecid ed Ġdep ends Ġdi rection Ġdo c Ġe d Ġed it Ġent ries Ġepo ch Ġfew er Ġfil es Ġfin ish Ġg RPC Ġgrou p Ġgrou
    ps Ġha p Ġhap pen Ġid le Ġle ve Ġle vel Ġleve ls Ġn est Ġne are Ġpart s Ġpl ain Ġproto buf Ġproto col Ġreache s
    Ġref eren Ġreferen ces Ġres ult Ġsk ipped Ġsto p Ġsto ps Ġt ried Ġto p Ġto t Ġtot al Ġturn s Ġun p Ġwe ight Ġwrit
    er ( ) ) : - c - cache - pro : port E ndpoint F C H ead M akes P ro Re quest T T ] , as k at est b ytes co very
    ction s e y eng ine ff in ffin ity grp c he alth ht t id es in f k now know n m in m ost m ut n a n g nd ed o ld
    pl es r out ript s rop ped sc ripts t er u al ut s v i ver b w o Ġ % ĠD e ĠH TT ĠHTT P ĠThe re Ġ` [ Ġa d Ġafter
    wards Ġag ree Ġal th Ġalth ough Ġam ong Ġan n Ġann ou Ġannou n Ġaw ait Ġb i Ġbeg un Ġbrack ets Ġbreak s Ġbro ken
    Ġbud get Ġc hat Ġc he Ġcan onic Ġcanonic al Ġcharact ers Ġcho ose Ġcli ents Ġcomplet e Ġcont ain Ġdescript ion
    Ġdisp atched Ġdoc um Ġdocum ent Ġev ents Ġevery where Ġex pl Ġf ind Ġfin ished Ġha ng Ġhe alth Ġinst ead Ġl ies Ġl
    ive Ġl l Ġle ad Ġll m Ġlo gg Ġlo se Ġlock s Ġmat ters Ġmeasure d Ġminut e Ġmost ly Ġob ser Ġother w Ġotherw ise Ġp
    ack Ġpas sed Ġpie ces Ġprint s Ġproblem s Ġpubl is Ġran k Ġre ach Ġre ason Ġre lease Ġres ol Ġro le Ġrun ning Ġrun
    s Ġs ing Ġs ur Ġscrap es Ġse arch Ġse en Ġsing le Ġslot s Ġt ou Ġt y Ġtell s Ġth ings Ġtr ue Ġun chan Ġun escap
    Ġun known Ġun re Ġunchan ged Ġunp ack Ġunre achable Ġus age Ġwa its Ġwait ing Ġwr ote () ` - a - metrics - name .
    p An y C alls Count s E nt ERE D FF ERED I N M e M oves O pen P uts S E S T U FFERED _ * _ request a ils a le a
    nds ak ing al ks ann ed arm p armp ath at ed ation s ay er b ination bu ff de f e fore e v em pt em s en er er y
    ess age he ad he lp hed ul i B i ed ig h in ess in s is ed ist en l or lo y o b ort h ou ble p ace r ust ro g ro l
    s l t ls ure d v LLM v ing w ork w rit y te Ġ Read ĠA ll ĠC all ĠF l ĠF rom ĠM arch ĠNo body ĠO f ĠP l ĠS GLang ĠS
    o ĠSt art ĠT hat ĠT wo ĠVal ue ĠVal ues Ġ` : Ġa ff Ġa head Ġadd it Ġagain st Ġallo c Ġan ew Ġarr ays Ġarr ives Ġb
    od Ġback sl Ġbe ing Ġbe y Ġbel ongs Ġbey ond Ġbod ies Ġbu il Ġbuil t Ġc locks Ġcomp aris Ġcomparis on Ġcont rol
    Ġcount ing Ġcur s Ġcurs or Ġd iv Ġd ropped Ġd ue Ġdep end Ġdis covery Ġe ither Ġen ough Ġerror s Ġescap e Ġescap
    ed Ġf air Ġf et Ġfair n Ġfairn ess Ġfi nds Ġfig ures Ġflo or Ġfollow ing Ġfunction s Ġg ener Ġgo ing Ġgre ater
    Ġhappen s Ġhas hes Ġhig he Ġhig her Ġhighe st Ġhistogram s Ġho we Ġhowe ver Ġim port Ġin v Ġj um Ġl etter Ġlisten
    ed Ġlong est Ġm a Ġmembers h Ġmembersh ip Ġmill ion Ġmill ise Ġmillise cond Ġmis ses Ġn od Ġn or Ġneare st Ġnet
    work Ġnew s Ġopt im Ġout er Ġp ages Ġp arent Ġp i Ġp ri Ġpl anned Ġplugin s Ġpoint ers Ġpri or Ġprior ity Ġpro b
    Ġpubl ished Ġqu ery Ġr a Ġr ate Ġr aw Ġre writ Ġread ers Ġrepl ac Ġris es Ġs ides Ġs ound Ġsa f Ġsaf e Ġse c Ġse
    ems Ġse es Ġsec re Ġsecre t Ġseg ment Ġser vers Ġsha pe Ġsho wn Ġsig n Ġspe c Ġspec ial Ġst r Ġstep s Ġsug g Ġt ry
    Ġtoo k Ġtw ent Ġtwent y Ġu nd Ġunescap ed Ġup d Ġupd ates Ġus ual Ġval id Ġw ays Ġw or Ġwee ks Ġwork ed Ġwork ing
    Ġwork s ) . - request -a ffinity -s im / O A p B ody C heck C om Con form Conform ance E n E nds E r En voy Er ror
    F rom G ives He alth Head ers I M I T I f IN G In f L E L ook M em N othing O R O n Pro cessing R FC S C S er T I
    T ests Tell s The re To kens W ith ] ( _ cache _ error _ ext _ prefix _ s a its a red ac ity add ress am s an sw
    ap h ar row buff ered c er c ord co pe d ep dep loy e e e ed en c ep l er n et adata et ails ett ing f l ff set g
    ent gr aph h rop han ges hrop ic htt ps ic y igh bours im um in ing in ks iz es k es k v m atch n ew nd e nd ing
    nt hropic o f o ffset ob ject ol ves om ic om plet on s ord s ore d ot s p ing per t pert ies pl ication ple x po
    sed pon ses put es r un ra w re qu ru ct ry pt s ource s ystem se conds us hed verb ose vi ous w ift Ġ * Ġ ? Ġ Z Ġ
    ve Ġ ver Ġ vers Ġ }, Ġ Ï Ġ Ø¨Ø§ Ġ Ùħ Ġ ä Ġ ê° Ġ ëĭ Ġ" "" Ġ- > Ġ< = Ġ> = ĠA N ĠA d ĠAN D ĠAc cord ĠAc count ĠAccord
    ing ĠAd a ĠAn na ĠB UFFERED ĠB ec ĠB efore ĠB er ĠB etter ĠB ost ĠB r ĠB ut ĠBec ause ĠBer l ĠBerl in ĠBost on ĠBr
    Ã¼ ĠBrÃ¼ ck ĠBrÃ¼ck e ĠC al ĠC an ĠC h ĠC hanges ĠC ho ĠCal c ĠCalc ut ĠCalcut t ĠCalcutt a ĠCh ildren ĠCho ose
    ĠCon ne ĠConne ctions ĠD E ĠD og ĠDE SC ĠDe ce ĠDece mber ĠDog s ĠE con ĠE l ĠE lephants ĠE ndpoint ĠEcon om
    ĠEconom ists ĠEn c ĠEnc rypt ĠEngl and ĠEngl ish ĠF RO ĠF e ĠF ive ĠFRO M ĠFe b ĠFeb ru ĠFebru ary ĠFl u ĠFlu Ã
    ĠFluÃ Ł ĠFr id ĠFr Ã¼ ĠFrid ays ĠFrÃ¼ h ĠFrÃ¼h j ĠFrÃ¼hj a ĠFrÃ¼hja hr ĠG RO ĠG en ĠG etting ĠG re ĠGRO U ĠGROU P
    ĠGen ev ĠGenev a ĠGre en ĠH alf ĠH is ĠH ow ĠI ch ĠI l ĠJ e ĠK Ã¶ ĠKÃ¶ n ĠKÃ¶n n ĠKÃ¶nn en ĠL IM ĠL et ĠL ight ĠL
    is ĠL isten ĠLIM IT ĠLis b ĠLisb on ĠLo R ĠLo vel ĠLoR A ĠLovel ace ĠM ake ĠM al ĠM art ĠM aÃ ĠM etrics ĠM ix ĠM r
    ĠM Ã¼ ĠMal es ĠMart in ĠMaÃ ± ĠMaÃ± an ĠMaÃ±an a ĠMr s ĠMÃ¼ n ĠMÃ¼n c ĠMÃ¼nc hen ĠN ap ĠN ove ĠNap les ĠNove mber
    ĠO R ĠO ne ĠO Ã ĠOR D ĠORD ER ĠOÃ ¹ ĠP aris ĠP er ĠP resent ĠP rom ĠP ython ĠPer ch ĠPerch Ã© ĠPl an ĠPlan ets
    ĠProm et ĠPromet he ĠPromethe us ĠR and ĠR io ĠS alt ĠS at ĠS han ĠS he ĠS ie ĠS ome ĠS und ĠS wift ĠSat ur ĠSatur
    day ĠShan g ĠShang ha ĠShangha i ĠSund ay ĠT ay ĠT ool ĠT ues ĠTay lor ĠTh is ĠTool s ĠTues day ĠU n ĠU ser ĠValue
    Error ĠW H ĠW armpath ĠW as ĠW ed ĠW hy ĠW ives ĠWH ERE ĠWas ser ĠWed n ĠWedn es ĠWednes day ĠY our ĠYour s ĠZ ug
    Ġ[ {" Ġ_ _ Ġa f Ġa li Ġa po Ġa ver Ġab s Ġac count Ġaccept ance Ġad ap Ġaddit ional Ġaf ra Ġaff ord Ġafra id
    Ġafter no Ġafterno ons Ġag u Ġagre em Ġagreem ent Ġagu a Ġal most Ġal ong Ġal t Ġantig a Ġantig u Ġantigu o Ġany
    one Ġap art Ġap ples Ġapo log Ġapolog ies Ġappe ar Ġar ch Ġar ches Ġarch ive Ġarr ived Ġas ce Ġasce nding Ġat e
    Ġat omic Ġatt ach Ġatt empt Ġattach ments Ġaut h Ġauth ors Ġaver age Ġb ak Ġb ake Ġb an Ġb ar Ġb ask Ġb ed Ġb icy
    Ġb ill Ġb ir Ġb is Ġb itte Ġb ott Ġb read Ġb row Ġbacksl ash Ġbak er Ġban k Ġbar co Ġbarco s Ġbask ets Ġbe ach Ġbe
    ams Ġbe ar Ġbe ars Ġbec ame Ġbeg an Ġbi b Ġbib li Ġbibli oth Ġbiblioth Ã¨ ĠbibliothÃ¨ que Ġbicy cles Ġbill ion
    Ġbir d Ġbird s Ġbl ack Ġbo il Ġboil ing Ġbook s Ġbord e Ġbott om Ġbr aces Ġbr ass Ġbr ushed Ġbrid ge Ġbro wn Ġbrow
    ser Ġbus iness Ġc ad Ġc af Ġc ake Ġc alf Ġc am Ġc arg Ġc d Ġc er Ġc ir Ġc ook Ġc ool Ġc ott Ġc raw Ġc re Ġc reak
    Ġc rust Ġca used Ġca ves Ġcache s Ġcad a Ġcaf Ã© Ġcall er Ġcall ing Ġcam er Ġcamer a Ġcan ce Ġcance ll Ġcancell ed
    Ġcap acity Ġcar d Ġcar ri Ġcar ries Ġcarg o Ġcarri er Ġcell s Ġcer t Ġch ords Ġcha in Ġcha que Ġchan ce Ġchapt er
    Ġche aper Ġcho ir Ġcir cles Ġcl one Ġco al Ġco ff Ġco ld Ġco ve Ġcoast s Ġcoff ee Ġcom bination Ġcomm ands Ġcomm
    itte Ġcommitte e Ġcomp ared Ġcomplet ed Ġconne ct Ġcont in Ġcontin ents Ġcott on Ġcould n Ġcount ries Ġcour t
    Ġcove red Ġcraw led Ġcre ates Ġcreak ing Ġcur l Ġd ang Ġd ate Ġd er Ġd etails Ġd ining Ġd one Ġd ots Ġd ough Ġd
    ried Ġd ry Ġd ust Ġdang er Ġdas hes Ġde g Ġde po Ġdead l Ġdeadl ines Ġdec ad Ġdecad es Ġdecod er Ġdeg ree Ġdepend
    enc Ġdependenc ies Ġdepo sit Ġdesc rib Ġdescrib ed Ġdid n Ġdig est Ġdig its Ġdis k Ġdis putes Ġdiv ide Ġdo or
    Ġdown load Ġdr ain Ġdr inks Ġdra ft Ġe art Ġear ly Ġear s Ġeart h Ġedit or Ġen em Ġenem ies Ġescap es Ġest ac Ġest
    Ã¡ Ġestac iÃ³ ĠestaciÃ³ n Ġevery body Ġex chan Ġex per Ġexper im Ġexperim ent Ġexpl ain Ġf ace Ġf ade Ġf ather Ġf
    ault Ġf em Ġf ill Ġf ish Ġf ore Ġf ried Ġf rog Ġf Ã¤ Ġfail ed Ġfall ing Ġfem ale Ġfet ch Ġfi um Ġfift een Ġfift y
    Ġfil ms Ġfil ters Ġfium e Ġfl at Ġfo ot Ġfor ce Ġfor ty Ġfore st Ġform s Ġfr u Ġfrog s Ġfru it ĠfÃ¤ hr ĠfÃ¤hr t Ġg
    al Ġg ard Ġg as Ġg ern Ġg it Ġg ro Ġgal ax Ġgalax y Ġgard en Ġgo al Ġgoal s Ġgr ain Ġgr and Ġgrand f Ġgrandf ather
    Ġgre at Ġgre en Ġgro wn Ġh int Ġh one Ġh ot Ġh ur Ġh Ã¡ Ġha re Ġha st Ġhand l Ġhar bour Ġhar bours Ġhar v Ġhard ly
    Ġharv est Ġhast a Ġhe al Ġhe aps Ġhe d Ġhe l Ġhead ings Ġheal ed Ġhed ge Ġhedge ho Ġhedgeho g Ġhel ped Ġhim self
    Ġho llow Ġhone y Ġhour s Ġhtt ps Ġhur ts Ġi r Ġim pro Ġimpro ve Ġimprove ment Ġin form Ġin j Ġin ner Ġinj ured
    Ġinst r Ġinstr uments Ġint ent Ġint erval Ġinteg er Ġinteg ers Ġintent ion Ġinterest s Ġinv ite Ġir on Ġj our Ġj
    son Ġj u Ġj unction Ġj us Ġjour ne Ġjourne y Ġjourney s Ġju ice Ġjum ps Ġjus qu Ġk ind Ġk ne Ġk new Ġk no Ġkil
    ogram Ġkne e Ġkno ck Ġl ate Ġl ed Ġl id Ġl ived Ġl oud Ġl u Ġla id Ġla ug Ġla w Ġlaug hed Ġle er Ġlo calhost Ġlog
    s Ġlu ck Ġluck y Ġm ain Ġm al Ġm ark Ġm ed Ġm ind Ġm ir Ġm y Ġm Ã¶ Ġma is Ġmal form Ġmalform ed Ġman ag Ġmanag er
    Ġme nded Ġmed ic Ġmedic ine Ġmill er Ġmind ed Ġmis sed Ġmo lt Ġmo ving Ġmod es Ġmodel s Ġmolt o Ġmon te Ġmonth s
    Ġmountain s Ġmu y ĠmÃ¶ ch ĠmÃ¶ch te Ġn ach Ġn an Ġn in Ġn ine Ġn orth Ġn Ã Ġn Ã¤ Ġnames pace Ġnan ose Ġne cess Ġne
    ighbours Ġne ither Ġnecess ary Ġnew er Ġnews p Ġnewsp aper Ġnin et Ġninet y Ġno ise Ġno on Ġnod d Ġnodd ed ĠnÃ £
    ĠnÃ£ o ĠnÃ¤ ch ĠnÃ¤ch st ĠnÃ¤chst e Ġo ven Ġoat s Ġob vious Ġoff er Ġoff ice Ġoff ices Ġon ions Ġon to Ġoperation
    s Ġopt ion Ġoptim ize Ġor b Ġorb its Ġord ers Ġover lap Ġow ls Ġp ers Ġp ian Ġp ict Ġp re Ġp ur Ġp ython Ġpack age
    Ġpar ce Ġparce l Ġpart n Ġpartn ers Ġpast a Ġpast e Ġper c Ġper iÃ³ Ġperc ent ĠperiÃ³ d ĠperiÃ³d ic ĠperiÃ³dic o
    Ġpers on Ġpi er Ġpian o Ġpick ed Ġpick s Ġpict ure Ġpl an Ġpl ate Ġpl ay Ġpl aÃ Ġpl ough Ġplan ning Ġplant ed
    Ġplant s Ġplay ed ĠplaÃ ® ĠplaÃ® t Ġpo ck Ġpo nd Ġpock ets Ġpoint ed Ġpon t Ġposit ion Ġposit ive Ġpr im Ġpract
    ice Ġpract ised Ġpre p Ġprep are Ġpric e Ġprim a Ġprima ver Ġprimaver a Ġprint em Ġprintem ps Ġpro be Ġpro ject
    Ġproport ion Ġproport ional Ġpu ent Ġpuent e Ġpur po Ġpurpo se Ġqu ick Ġqu otes Ġquestion s Ġr iv Ġr Ã Ġra ise Ġre
    ce Ġre gre Ġre le Ġrec i Ġreci pe Ġref uses Ġregre ts Ġrele as Ġrem ain Ġrem o Ġremem bers Ġrep a Ġrep air Ġrepa
    ired Ġrepl aces Ġreplac ed Ġresol ved Ġrest a Ġrest art Ġresta ur Ġrestaur ant Ġrestaurant s Ġresult s Ġrewrit ten
    Ġri ver Ġris ks Ġriv iÃ ĠriviÃ ¨ ĠriviÃ¨ re Ġro ck Ġroad s Ġroom s Ġrun ner ĠrÃ Ń ĠrÃŃ o Ġs acks Ġs and Ġs hed Ġs
    ist Ġs it Ġs izes Ġs now Ġs ong Ġs or Ġs ort Ġs ou Ġs ounds Ġs po Ġs ud Ġsa g Ġsa le Ġsag en Ġsand w Ġsandw ic
    Ġsandwic hes Ġsc at Ġsc hedul Ġsc ho Ġscat ters Ġscho ol Ġse hr Ġse ll Ġse nder Ġsell er Ġsenten ce Ġser ve Ġsh ip
    Ġsha d Ġsha ll Ġsha r Ġsha res Ġshad ow Ġshar pen Ġsharpen ed Ġshe ep Ġsig hed Ġsim pl Ġsim ple Ġsimpl est Ġsince
    re Ġsincere ly Ġsist er Ġsixt een Ġsixt y Ġsl ices Ġsle pt Ġsleep s Ġslow er Ġslow ly Ġso b Ġso l Ġsob re Ġsol ve
    Ġsor ry Ġsou p Ġsp ade Ġsp ices Ġsp read Ġsp Ã¤ Ġspo kes Ġspokes m Ġspokesm an ĠspÃ¤ t Ġst age Ġst ar Ġst ation
    Ġst e Ġst on Ġst ud Ġste ig Ġsteig t Ġstick s Ġsto ve Ġston es Ġstor ies Ġstr ong Ġstrong ly Ġstud ents Ġsu be Ġsu
    l Ġsud den Ġsudden ly Ġsug ar Ġsugg ests Ġsumm ar Ġsumm it Ġsummar ize Ġsup per Ġsup posed Ġsw ear Ġsw o Ġswear s
    Ġswo ll Ġswoll en Ġt ab Ġt ast Ġt el Ġt our Ġtab les Ġtalk ed Ġtast e Ġte lep Ġtel es Ġtelep h Ġteleph one Ġteles
    cope Ġter min Ġter ms Ġtermin al Ġth ought Ġthan k Ġthan ks Ġthir ty Ġthre w Ġtim ber Ġtom atoes Ġton es Ġton ight
    Ġtour ists Ġtown s Ġtr ain Ġtr ays Ġtr ouble Ġtr Ã¨ ĠtrÃ¨ s Ġtw el Ġtwel ve Ġty ped Ġun c Ġunc le Ġup on Ġur gent
    Ġus ers Ġv all Ġv i Ġv ie Ġv ill Ġv oud Ġv ous Ġvall ey Ġve c Ġvec ch Ġvecch io Ġver re Ġvi ew Ġvie u Ġvieu x
    Ġvill age Ġvo ice Ġvo id Ġvoud ra Ġvoudra is Ġvoy age Ġw alks Ġw all Ġw alls Ġw ann Ġw et Ġw ie Ġw ins Ġw int Ġw
    is Ġw olves Ġw on Ġw ool Ġwareh ous Ġwareh ouse Ġwarehous es Ġwas hed Ġwas ps Ġweek ly Ġweight ed Ġwh ist Ġwhe at
    Ġwheel b Ġwheelb arrow Ġwhen ever Ġwhist led Ġwill ow Ġwint er Ġwis s Ġwiss en Ġwo ke Ġwo nder Ġwor ld Ġy es Ġ| ĊĊ
    Ġ} ) Ġ}) ;Ċ ĠÂ £ ĠÂ ° ĠÂ ¿ ĠÂ£ , ĠÃ Ĺ ĠÃ ¨ ĠÃ © ĠÃ ¼ ĠÃĹ , ĠÃ¼ ber ĠÎ ĵ ĠÎ º ĠÎĵ Î ĠÎĵÎ ŃÏ ĠÎĵÎŃÏ Ĩ ĠÎĵÎŃÏĨ Ï
    ĠÎĵÎŃÏĨÏ ħ ĠÎĵÎŃÏĨÏħ Ï ĠÎĵÎŃÏĨÏħÏ ģÎ± ĠÎº Î± ĠÎºÎ± Î ĠÎºÎ±Î » ĠÎºÎ±Î» Î ĠÎºÎ±Î»Î · ĠÎºÎ±Î»Î· Î¼Î ĠÎºÎ±Î»Î·Î¼Î ŃÏ
    ĠÎºÎ±Î»Î·Î¼ÎŃÏ ģÎ± ĠÏ Ģ ĠÏĢ Î ĠÏĢÎ ¿ ĠÏĢÎ¿ Ï ĠÏĢÎ¿Ï Ħ ĠÏĢÎ¿ÏĦ Î ĠÏĢÎ¿ÏĦÎ ¬ ĠÏĢÎ¿ÏĦÎ¬ Î¼Î ĠÏĢÎ¿ÏĦÎ¬Î¼Î ¹ ĠÐ ĵ ĠÐ ļ
    ĠÐ ľ ĠÐ ± ĠÐ ´ ĠÐ ½ ĠÐ ¾ ĠÐĵ Ð´ ĠÐĵÐ´ Ðµ ĠÐļ Ð° ĠÐļÐ° Ð ĠÐļÐ°Ð º ĠÐľ Ð¾ ĠÐľÐ¾ Ñ ĠÐľÐ¾Ñ ģÑĤ ĠÐ± Ð¸ ĠÐ±Ð¸ Ð ĠÐ±Ð¸Ð ±
    ĠÐ±Ð¸Ð± Ð ĠÐ±Ð¸Ð±Ð » ĠÐ±Ð¸Ð±Ð» Ð¸ ĠÐ±Ð¸Ð±Ð»Ð¸ Ð¾ ĠÐ±Ð¸Ð±Ð»Ð¸Ð¾ ÑĤ ĠÐ±Ð¸Ð±Ð»Ð¸Ð¾ÑĤ ÐµÐ ĠÐ±Ð¸Ð±Ð»Ð¸Ð¾ÑĤÐµÐ º
    ĠÐ±Ð¸Ð±Ð»Ð¸Ð¾ÑĤÐµÐº Ð° ĠÐ´ ÐµÐ ĠÐ´ÐµÐ » ĠÐ´ÐµÐ» Ð° ĠÐ½ Ð°Ñ ĠÐ½Ð°Ñ ħ ĠÐ½Ð°Ñħ Ð¾ ĠÐ½Ð°ÑħÐ¾ Ð´ ĠÐ½Ð°ÑħÐ¾Ð´ Ð¸
    ĠÐ½Ð°ÑħÐ¾Ð´Ð¸ ÑĤ ĠÐ½Ð°ÑħÐ¾Ð´Ð¸ÑĤ Ñ ĠÐ½Ð°ÑħÐ¾Ð´Ð¸ÑĤÑ ģ ĠÐ½Ð°ÑħÐ¾Ð´Ð¸ÑĤÑģ Ñ ĠÐ½Ð°ÑħÐ¾Ð´Ð¸ÑĤÑģÑ ı ĠÐ¾ Ñ ĠÐ¾Ñ ĩ ĠÐ¾Ñĩ
    ÐµÐ ĠÐ¾ÑĩÐµÐ ½ ĠÐ¾ÑĩÐµÐ½ Ñ ĠÐ¾ÑĩÐµÐ½Ñ Į ĠÑ ĢÐµÐ ĠÑ ģÑĤ ĠÑ ĩ ĠÑĢÐµÐ º ĠÑĢÐµÐº Ñ ĠÑĢÐµÐºÑ ĥ ĠÑģÑĤ Ð°Ñ ĠÑģÑĤÐ°Ñ Ģ
    ĠÑģÑĤÐ°ÑĢ Ñ ĠÑģÑĤÐ°ÑĢÑ ĭ ĠÑģÑĤÐ°ÑĢÑĭ Ð ĠÑģÑĤÐ°ÑĢÑĭÐ ¹ ĠÑĩ Ðµ ĠÑĩÐµ Ñ ĠÑĩÐµÑ ĢÐµÐ ĠÑĩÐµÑĢÐµÐ · Ġ× ¢ Ġ× © Ġ×¢ × Ġ×¢×
    ķ× Ġ×¢×ķ× ľ× Ġ×¢×ķ×ľ× Ŀ Ġ×© × Ġ×©× ľ× Ġ×©×ľ× ķ× Ġ×©×ľ×ķ× Ŀ ĠØ¨Ø§ ÙĦ ĠØ¨Ø§ÙĦ Ø ĠØ¨Ø§ÙĦØ ¹ ĠØ¨Ø§ÙĦØ¹ Ø§ ĠØ¨Ø§ÙĦØ¹Ø§
    ÙĦ ĠØ¨Ø§ÙĦØ¹Ø§ÙĦ Ùħ ĠÙħ Ø ĠÙħØ ± ĠÙħØ± Ø ĠÙħØ±Ø Ń ĠÙħØ±ØŃ Ø¨Ø§ Ġà¤ ¦ Ġà¤ ¨ Ġà¤¨ à¤ Ġà¤¨à¤ ® Ġà¤¨à¤® à¤ Ġà¤¨à¤®à¤ ¸
    Ġâ Ĥ Ġâ Ĩ Ġâ ī Ġâ ľ ĠâĢ ĵ ĠâĢ Ķ ĠâĢ ĺ ĠâĢ ľ ĠâĢ ¦ ĠâĤ ¬ ĠâĤ¬ , ĠâĨ Ĵ ĠâĨĴ , Ġâī ¥ Ġâī¥ , Ġâľ ĵ Ġâľĵ . Ġä ½ Ġä½ ł
    Ġä½ł å¥½ Ġê° ķ Ġëĭ ¤ë Ġëĭ¤ë ¦ Ġëĭ¤ë¦ ¬ Ġëĭ¤ë¦¬ ê° Ġëĭ¤ë¦¬ê° Ģ Ġì ĺ Ġì ľ Ġì ŀ Ġìĺ ¤ë Ġìĺ¤ë ŀ Ġìĺ¤ëŀ ĺ Ġìĺ¤ëŀĺ ë
    Ġìĺ¤ëŀĺë Ĳ Ġìĺ¤ëŀĺëĲ ľ Ġìľ Ħ ĠìľĦ ì ĠìľĦì Ĺ ĠìľĦìĹ Ĳ Ġìŀ Ī ĠìŀĪ ì ĠìŀĪì Ĭ ĠìŀĪìĬ µ ĠìŀĪìĬµ ëĭ ĠìŀĪìĬµëĭ Ī
    ĠìŀĪìĬµëĭĪ ëĭ ĠìŀĪìĬµëĭĪëĭ ¤ ĠðŁ ĳ ĠðŁ Ļ ĠðŁ ļ ĠðŁĳ į ĠðŁĳį ðŁ ĠðŁĳįðŁ ı ĠðŁĳįðŁı ½ ĠðŁĳįðŁı½ ĊĊ ĠðŁĻ Ĥ ĠðŁļ Ģ " )
    " Where "" Ċ ") Ċ "]} } "]} }, "]}} }Ċ "} , "} ], # # ' au ' il ' ll ' ve ( _ ( num ( request ( self (num bers * :
    + ) + +) - T - du - for - port - rout - u - | - |---- ---- -| -----| Ċ -T ype -b it -du plex -pro cessing -rout er
    -s pe -spe aking -|---- -----|Ċ . Health . address . example . g . health . own . string . sw . tool . v . yam ."
    ĊĊ ." ""Ċ ." }, .g it .own er .p y .string if .stringif y .sw ift .yam l / Conformance / en / j / model / pro / t
    /c hat /c omplet /complet ions /en voy /j son /model s /pro ject /t est > ĊĊ ? " A L A ir Ap pe Appe nds B ring
    Bring s C T Con fig Con tent D ear D ie D Ã DÃ ³ DÃ³ nde E X E lephants Endpoint s Ent ers Every thing F ast G et
    H ell Hell o I G L ength LE CT M ark M essages M usic Mark et Me eting O ST O T O ur On ce P A P OST P aris P h P
    icker P rompt Ph oto Photo graph Photograph s Qu otes R epl S ays S c S ec S m SE LECT Sec ur Secur ity Sm all St
    ep Step s T all T ext The n U ser W aits W ater W hen W ind [ i ] ; _ ( _ _( _error s `) , a N a h act ion ah ren
    ahren he ahrenhe it al ayer an it answ ers ap i ap plication arg uments as hes at alayer at ches b ut cl ass con
    fig con st cond it condit ions d esc d i desc ript descript ion di rection ead line en s en um ens ion f ahrenheit
    f un fun c g n gn ored ict ion im e in it inf erence ix ed le an m essage m essages max imum mut able n y ne xt o
    pen ong est p arameters pe ed pl ugin port ed pro perties que ue r atch ref resh requ ired ric t s peed sc ratch
    sing le sun ny t ing us er v ents val ue w est w ind |------ -|---------|Ċ |------ |-------|---------|Ċ } } ģ à¤
    ģà¤ ¨ Ĥ ãĤ ĤãĤ Ĭãģ ĤãĤĬãģ ¾ ĤãĤĬãģ¾ ãģ ĤãĤĬãģ¾ãģ Ļ Ħ ¸ Ħ æ Ħ¸ ì Ħ¸ì ļ Ħ¸ìļ Ķ Ħæ © Ħæ© ĭ Ħæ©ĭ ãģ Ħæ©ĭãģ Į Ħæ©ĭãģĮ
    ãģ Ħæ©ĭãģĮãģ ĤãĤĬãģ¾ãģĻ ħ ķ ħķ í ħķí ķ ħķíķ ĺ ħķíķĺ ì ħķíķĺì Ħ¸ìļĶ Ī ĳ Ī å¥½ Ī ë Īĳ ä» Īĳä» ¬ Īĳä»¬ å Īĳä»¬å İ
    Īĳä»¬åİ » Īĳä»¬åİ» æ Īĳä»¬åİ»æ ² Īĳä»¬åİ»æ² ³ Īĳä»¬åİ»æ²³ è Īĳä»¬åİ»æ²³è ¾ Īĳä»¬åİ»æ²³è¾ ¹ Īĳä»¬åİ»æ²³è¾¹ ç
    Īĳä»¬åİ»æ²³è¾¹ç ľ Īĳä»¬åİ»æ²³è¾¹çľ ĭ Īĳä»¬åİ»æ²³è¾¹çľĭ æ Īĳä»¬åİ»æ²³è¾¹çľĭæ ¡ Īĳä»¬åİ»æ²³è¾¹çľĭæ¡ ¥
    Īĳä»¬åİ»æ²³è¾¹çľĭæ¡¥ å Īĳä»¬åİ»æ²³è¾¹çľĭæ¡¥å Ĳ Īĳä»¬åİ»æ²³è¾¹çľĭæ¡¥åĲ § Īë ħķíķĺìĦ¸ìļĶ Ĭ å¤© Ĭãģ « Ĭãģ« å Ĭãģ«å ı
    Ĭãģ«åı ¤ Ĭãģ«åı¤ ãģ Ĭãģ«åı¤ãģ Ħæ©ĭãģĮãģĤãĤĬãģ¾ãģĻ Ĭå¤© å¤© Ĭå¤©å¤© æ Ĭå¤©å¤©æ ° Ĭå¤©å¤©æ° Ķ Ĭå¤©å¤©æ°Ķ å
    Ĭå¤©å¤©æ°Ķå ¾ Ĭå¤©å¤©æ°Ķå¾ Īå¥½ ĭ å ĭå ķ ĭåķ ı ĭåķı å ĭåķıå ľ ĭåķıåľ ĸ ĭåķıåľĸ æ ĭåķıåľĸæ Ľ ĭåķıåľĸæĽ ¸ ĭåķıåľĸæĽ¸
    é ĭåķıåľĸæĽ¸é ¤ ĭåķıåľĸæĽ¸é¤ ¨å ĭåķıåľĸæĽ¸é¤¨å ľ ĭåķıåľĸæĽ¸é¤¨åľ ¨å ĭåķıåľĸæĽ¸é¤¨åľ¨å ĵ ĭåķıåľĸæĽ¸é¤¨åľ¨åĵ ª
    ĭåķıåľĸæĽ¸é¤¨åľ¨åĵª è ĭåķıåľĸæĽ¸é¤¨åľ¨åĵªè £ ĭåķıåľĸæĽ¸é¤¨åľ¨åĵªè£ ¡ į à¤ įà¤ ¤ ĵ ãģ ĵ ãĤ ĵãģ « ĵãģ« ãģ ĵãģ«ãģ ¡
    ĵãģ«ãģ¡ ãģ ĵãģ«ãģ¡ãģ ¯ ĵãģ«ãģ¡ãģ¯ ä¸ĸçķĮ ĵãĤ ĵãģ«ãģ¡ãģ¯ä¸ĸçķĮ ķ ĪëħķíķĺìĦ¸ìļĶ Ļ , Ŀ , Ŀ ãģ Ŀãģ ® Ŀãģ® ä¸ Ŀãģ®ä¸
    Ĭãģ«åı¤ãģĦæ©ĭãģĮãģĤãĤĬãģ¾ãģĻ Ł ãģ Łãģ ĵãĤĵãģ«ãģ¡ãģ¯ä¸ĸçķĮ « ĭåķıåľĸæĽ¸é¤¨åľ¨åĵªè£¡ ·
    Ŀãģ®ä¸Ĭãģ«åı¤ãģĦæ©ĭãģĮãģĤãĤĬãģ¾ãģĻ ¾ à¥ ¾à¥ ¤ ¿ à¤ ¿à¤ ¯ Â · Â ½ à¤ ¾à¥¤ à¤ ¿à¤¯ à¥ ģà¤¨ à¥ ĩ à¥ įà¤¤ âĢ Ļ, âĢ Ŀ,
    ãĢĤ ä» ãĢĤ å ãĢĤ è ãĢĤ ì ãĢĤä» Ĭå¤©å¤©æ°Ķå¾Īå¥½ ãĢĤå ·Ŀãģ®ä¸Ĭãģ«åı¤ãģĦæ©ĭãģĮãģĤãĤĬãģ¾ãģĻ ãĢĤè
    «ĭåķıåľĸæĽ¸é¤¨åľ¨åĵªè£¡ ãĢĤì ķĪëħķíķĺìĦ¸ìļĶ æ Īĳä»¬åİ»æ²³è¾¹çľĭæ¡¥åĲ§ ï¼ ŁãģĵãĤĵãģ«ãģ¡ãģ¯ä¸ĸçķĮ ï¼Į ä¸ĸçķĮ ï¼Į
    æĪĳä»¬åİ»æ²³è¾¹çľĭæ¡¥åĲ§ Ġ # ĠC B ĠC PU ĠC heck ĠCB OR ĠCall ed ĠE PP ĠEndpoint Picker ĠEndpointPicker Config ĠHe
    alth ĠIt s ĠK iB ĠN OT ĠN ot ĠS IG ĠT L ĠTL S ĠW rit Ġ`: : Ġabs ent Ġaccept ed Ġadd ed Ġadd s Ġall ow Ġallo cat
    Ġallocat ed Ġany body Ġappe nded Ġare na Ġaut he Ġauthe nt Ġauthent ication Ġb ad Ġbr ing Ġbrack et Ġcert if
    Ġcertif ic Ġcertific ate Ġch un Ġchain ed Ġchun ks Ġcl am Ġcl ust Ġclam ped Ġclo sing Ġclust er Ġco ll
    """#
}
